package network

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"stackup.dev/stackup/internal/statedir"
)

const suffix = ".json"

// Networks gives the recorded networks, by name.
func (h *Host) Networks() ([]Network, error) { return h.networks.all(h.Dirs.Networks()) }

// Endpoints gives the recorded endpoints, by container ID.
func (h *Host) Endpoints() ([]Endpoint, error) { return h.endpoints.all(h.Dirs.Endpoints()) }

func (n Network) version() int  { return n.Version }
func (e Endpoint) version() int { return e.Version }

func (h *Host) networkPath(name string) string {
	return filepath.Join(h.Dirs.Networks(), name+suffix)
}

func (h *Host) endpointPath(id string) string { return filepath.Join(h.Dirs.Endpoints(), id+suffix) }

// endpoint reads one record; it is fs.ErrNotExist if there is none.
func (h *Host) endpoint(id string) (Endpoint, error) {
	if err := valid("container ID", id); err != nil {
		return Endpoint{}, err
	}
	return read[Endpoint](h.endpointPath(id))
}

func (h *Host) writeEndpoint(e Endpoint) error {
	e.Version = Version
	return write(h.endpointPath(e.ID), e, statedir.WriteVolatile) // a container's label has it too
}

func (h *Host) writeNetwork(n Network) error {
	return write(h.networkPath(n.Name), n, statedir.WriteFile)
}

func write(path string, v any, put func(string, []byte, os.FileMode) error) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return put(path, append(b, '\n'), 0o600)
}

type record interface{ version() int }

func read[T record](path string) (v T, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return v, fmt.Errorf("read %s: %w", path, err)
	}
	if got := v.version(); got != Version {
		return v, fmt.Errorf("%s has version %d, and this stackup knows version %d: use the stackup that wrote it", path, got, Version)
	}
	return v, nil
}

// valid refuses what is no name of a file of ours, nor one that CNI allows
// for a network or a container (CNI 1.1 section 2, CNI_CONTAINERID).
func valid(what, name string) error {
	if len(name) > 200 || !regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`).MatchString(name) {
		return fmt.Errorf("%s %q is not of letters, digits, '_', '.' and '-', beginning with a letter or digit, at most 200", what, name)
	}
	return nil
}
