package ctrd

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/internal/statedir"
)

// runVersion is the version of run.json; others are refused.
const runVersion = 1

// run is what containerd does not keep of a container's present run.
type run struct {
	Version int       `json:"version"`
	Started time.Time `json:"started"`
	// Restarts are those by the supervisor since the last start by a command.
	Restarts restart.Count `json:"restarts"`
}

func (e *Engine) runPath(id string) string {
	return filepath.Join(e.Dirs.Container(id), "run.json")
}

// readRun gives the zero run for a container that never started.
func (e *Engine) readRun(id string) (r run, err error) {
	b, err := os.ReadFile(e.runPath(id))
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%s: %w", e.runPath(id), err)
	}
	if r.Version != runVersion {
		return r, fmt.Errorf("%s has version %d, this stackup reads %d", e.runPath(id), r.Version, runVersion)
	}
	return r, nil
}

func (e *Engine) writeRun(id string, started time.Time, restarts restart.Count) error {
	b, err := json.Marshal(run{Version: runVersion, Started: started, Restarts: restarts})
	if err != nil {
		return err
	}
	return statedir.WriteVolatile(e.runPath(id), b, 0o600)
}
