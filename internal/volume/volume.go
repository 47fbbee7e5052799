// Package volume keeps volumes: one folder each, with a record beside the data.
package volume

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/planner"
)

// recordVersion is the version of volume.json; others are refused.
const recordVersion = 1

type record struct {
	Version   int    `json:"version"`
	Name      string `json:"name"`
	Key       string `json:"key,omitempty"`
	Stack     string `json:"stack"`
	Anonymous bool   `json:"anonymous,omitempty"`
}

// Store is the folder that holds all volumes of one root.
type Store struct{ Dir string }

// Data is the folder that is mounted into containers.
func (s Store) Data(name string) string { return filepath.Join(s.Dir, name, "_data") }

// Create makes a volume, or leaves one that is there as it is. The record comes
// first: a folder without one would be found by nobody.
func (s Store) Create(stack, key, name string, anonymous bool) error {
	if name == "" || strings.ContainsAny(name, "/\x00") || name[0] == '.' {
		return fmt.Errorf("volume name %q is not usable as a folder name", name)
	}
	if err := s.enter(record{Version: recordVersion, Name: name, Key: key, Stack: stack, Anonymous: anonymous}); err != nil {
		return err
	}
	return os.MkdirAll(s.Data(name), 0o755)
}

// Finish does what an interrupted Create has left undone of a volume that is
// listed: its data folder.
func (s Store) Finish(name string) error {
	if _, err := s.read(name); err != nil {
		return err
	}
	return os.MkdirAll(s.Data(name), 0o755)
}

// enter writes the record, unless there is one.
func (s Store) enter(r record) error {
	path := s.recordPath(r.Name)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return errors.Join(statedir.WriteFile(path, b, 0o600), os.Chmod(filepath.Dir(path), 0o755)) //nolint:gosec // containers' users go through it
}

// Fill gives an empty volume its first content: write puts it into a folder
// that then takes the volume's place whole. A volume that holds anything, or
// that somebody else fills first, is left as it is.
func (s Store) Fill(name string, write func(into string) error) error {
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
// removal that was interrupted is seen and finished by the next one.
func (s Store) Remove(name string) error {
	if err := os.RemoveAll(s.Data(name)); err != nil {
		return err
	}
	if err := statedir.Remove(s.recordPath(name)); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(s.Dir, name)) // with what an interrupted Fill has left
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
		out = append(out, planner.Volume{Key: r.Key, Name: r.Name, Stack: r.Stack, Anonymous: r.Anonymous})
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
