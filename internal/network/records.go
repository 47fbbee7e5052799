package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"stackup.dev/stackup/internal/statedir"
)

const suffix = ".json"

// Networks gives the recorded networks, by name.
func (h *Host) Networks() ([]Network, error) {
	return readAll(h.Dirs.Networks(), func(n Network) int { return n.Version })
}

// Endpoints gives the recorded endpoints, by container ID.
func (h *Host) Endpoints() ([]Endpoint, error) {
	return readAll(h.Dirs.Endpoints(), func(e Endpoint) int { return e.Version })
}

func (h *Host) networkPath(name string) string {
	return filepath.Join(h.Dirs.Networks(), name+suffix)
}

func (h *Host) endpointPath(id string) string { return filepath.Join(h.Dirs.Endpoints(), id+suffix) }

// endpoint reads one record; it is fs.ErrNotExist if there is none.
func (h *Host) endpoint(id string) (Endpoint, error) {
	if err := valid("container ID", id); err != nil {
		return Endpoint{}, err
	}
	return read(h.endpointPath(id), func(e Endpoint) int { return e.Version })
}

func (h *Host) writeEndpoint(e Endpoint) error {
	e.Version = Version
	return write(h.endpointPath(e.ID), e)
}

func write(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return statedir.WriteFile(path, append(b, '\n'), 0o600)
}

func read[T any](path string, version func(T) int) (v T, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return v, fmt.Errorf("read %s: %w", path, err)
	}
	if got := version(v); got != Version {
		return v, fmt.Errorf("%s has version %d, and this stackup knows version %d: use the stackup that wrote it", path, got, Version)
	}
	return v, nil
}

// readAll reads every record of a folder, by file name. A record that goes
// away meanwhile is left out: readers take no lock.
func readAll[T any](dir string, version func(T) int) ([]T, error) {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []T
	for _, f := range files {
		if strings.HasPrefix(f.Name(), ".") || filepath.Ext(f.Name()) != suffix {
			continue // a file that is just being written
		}
		v, err := read(filepath.Join(dir, f.Name()), version)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// valid refuses what is no name of a file of ours, nor one that CNI allows
// for a network or a container (CNI 1.1 section 2, CNI_CONTAINERID).
func valid(what, name string) error {
	if len(name) > 200 || !regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`).MatchString(name) {
		return fmt.Errorf("%s %q is not of letters, digits, '_', '.' and '-', beginning with a letter or digit, at most 200", what, name)
	}
	return nil
}
