// Package volume keeps volumes: one folder each, with a record beside the data.
package volume

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// recordVersion is the version of volume.json; others are refused.
const recordVersion = 1

type record struct {
	Version   int             `json:"version"`
	Name      string          `json:"name"`
	Key       string          `json:"key,omitempty"`
	Stack     string          `json:"stack"`
	Anonymous bool            `json:"anonymous,omitempty"`
	Local     spec.LocalMount `json:"local,omitzero"` // may hold a login: none but root reads it
	Labels    []spec.Pair     `json:"labels,omitempty"`
}

// Store is the folder that holds all volumes of one root.
type Store struct {
	Dir string
	// Note, if not nil, is told what has happened to a volume: create, destroy.
	Note func(stack, name, action string)
}

func (s Store) note(stack, name, action string) {
	if s.Note != nil {
		s.Note(stack, name, action)
	}
}

// Data is the folder that is mounted into containers.
func (s Store) Data(name string) string { return filepath.Join(s.Dir, name, "_data") }

// Create makes a volume, or leaves one that is there as it is, but for the
// labels of the stack's own. The record comes first: a folder without one would
// be found by nobody.
func (s Store) Create(v planner.Volume) error {
	name := v.Name
	if name == "" || strings.ContainsAny(name, "/\x00") || name[0] == '.' {
		return fmt.Errorf("volume name %q is not usable as a folder name", name)
	}
	r := record{Version: recordVersion, Name: name, Key: v.Key, Stack: v.Stack, Anonymous: v.Anonymous, Local: v.Made, Labels: v.Labels}
	_, err := os.Stat(s.recordPath(name))
	fresh := errors.Is(err, os.ErrNotExist)
	if err := errors.Join(s.enter(r), statedir.MkdirAll(s.Data(name), 0o755)); err != nil {
		return err
	}
	if fresh {
		s.note(v.Stack, name, "create")
	}
	return nil
}

// enter writes the record, unless there is one with the same labels, or of
// another stack.
func (s Store) enter(r record) error {
	old, err := s.read(r.Name)
	switch {
	case err == nil && (old.Stack != r.Stack || slices.Equal(old.Labels, r.Labels)):
		return nil
	case err == nil:
		old.Labels = r.Labels
		r = old
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	path := s.recordPath(r.Name)
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return errors.Join(statedir.WriteFile(path, b, 0o600), os.Chmod(filepath.Dir(path), 0o755)) //nolint:gosec // containers' users go through it
}

// Fill gives an empty volume its first content: write puts it into a folder
// that then takes the volume's place whole. A volume that holds anything, or
// that somebody else fills first, is left as it is. One that is mounted has to
// be in use by the caller.
func (s Store) Fill(name string, write func(into string) error) error {
	if r, err := s.read(name); err != nil || r.Local != (spec.LocalMount{}) {
		return errors.Join(err, s.fillMounted(name, r.Local, write))
	}
	if empty, err := isEmpty(s.Data(name)); err != nil || !empty {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Join(s.Dir, name), "_fill")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }() // gone already after a good rename
	if err := write(tmp); err != nil {
		return err
	}
	// rename(2) itself replaces an empty folder, and no other; os.Rename none.
	err = unix.Rename(tmp, s.Data(name))
	if errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ENOTEMPTY) {
		return nil
	}
	return err
}

func isEmpty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	return len(entries) == 0, err
}

// Remove deletes a volume with its data. The record goes last, so that a
// removal that was interrupted is seen and finished by the next one. What is
// mounted there is not the volume's own: it is taken off first.
func (s Store) Remove(name string) error {
	r, rerr := s.read(name)
	if err := takeOff(s.Data(name)); err != nil {
		return err
	}
	if err := os.RemoveAll(s.Data(name)); err != nil {
		return err
	}
	if err := statedir.Remove(s.recordPath(name)); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(s.Dir, name)); err != nil { // with what an interrupted Fill has left
		return err
	}
	if rerr == nil {
		s.note(r.Stack, name, "destroy")
	}
	return nil
}

// List reads all records, sorted by name.
func (s Store) List() ([]planner.Volume, error) {
	dirs, err := os.ReadDir(s.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []planner.Volume
	for _, d := range dirs {
		r, err := s.read(d.Name())
		if errors.Is(err, os.ErrNotExist) { // a creation that was interrupted: the next one finishes it
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, planner.Volume{Key: r.Key, Name: r.Name, Stack: r.Stack, Anonymous: r.Anonymous, Made: r.Local, Labels: r.Labels})
	}
	return out, nil
}

func (s Store) recordPath(name string) string { return filepath.Join(s.Dir, name, "volume.json") }

func (s Store) read(name string) (r record, err error) {
	b, err := os.ReadFile(s.recordPath(name))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%s: %w", s.recordPath(name), err)
	}
	if r.Version != recordVersion {
		return r, fmt.Errorf("%s has version %d, this stackup reads %d", s.recordPath(name), r.Version, recordVersion)
	}
	return r, nil
}
