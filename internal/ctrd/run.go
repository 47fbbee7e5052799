package ctrd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/planner"
)

// runVersion is the version of run.json; others are refused.
const runVersion = 1

// run is what containerd does not keep of a container's present run.
type run struct {
	Version int       `json:"version"`
	Started time.Time `json:"started"`
	// Restarts are those by the supervisor since the last start by a command.
	Restarts restart.Count `json:"restarts"`
	// Exit is the end of a run whose task a command has cleared away.
	Exit *exit `json:"exit,omitempty"`
}

// exit is how a run ended.
type exit struct {
	Code int       `json:"code"`
	At   time.Time `json:"at"`
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
	return e.putRun(id, run{Version: runVersion, Started: started, Restarts: restarts})
}

// noteExit keeps how a container ended beyond its task. What is shown of it, and
// whether its policy starts it again, depend on it.
func (e *Engine) noteExit(id string, x exit) {
	r, err := e.readRun(id)
	if err == nil && !r.Started.IsZero() {
		r.Exit = &x
		err = e.putRun(id, r)
	}
	if err != nil {
		e.Log.Warn("an exit code is not kept", "id", id, "err", err)
	}
}

// KeepExit keeps how a container has ended, if its task is there and says so, or its
// shim. Asked again of the same run it only reads.
func (e *Engine) KeepExit(ctx context.Context, id string) (err error) {
	if r, err := e.readRun(id); err != nil || r.Exit != nil {
		return err
	}
	lock, err := e.Dirs.LockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	t, err := e.task(e.ctx(ctx), id)
	if err == nil && t == nil {
		return e.keepTold(ctx, id, nil)
	}
	if err != nil || taskState(t.Status) != planner.TaskStopped || t.ExitedAt == nil {
		return err
	}
	e.noteExit(id, exitOf(t))
	return nil
}

// unended reports whether the run has begun, and nobody has kept how it ended.
func (r run) unended() bool { return !r.Started.IsZero() && r.Exit == nil }

// keepEnd keeps how the present run of a container ended, unless that is kept already. An
// end before its start is that of the run before. The caller has the container's lock.
func (e *Engine) keepEnd(id string, x exit) error {
	r, err := e.readRun(id)
	if err != nil || !r.unended() || x.At.Before(r.Started) {
		return err
	}
	r.Exit = &x
	return e.putRun(id, r)
}

// keepTold keeps how the run of a container ended that containerd has no task of, if
// nobody has kept it: as its shim says, or as otherwise does, which may be nil. The caller
// has the container's lock.
func (e *Engine) keepTold(ctx context.Context, id string, otherwise *exit) error {
	r, err := e.readRun(id)
	if err != nil || !r.unended() {
		return err
	}
	rec, err := e.client.ContainerService().Get(e.ctx(ctx), id)
	if err != nil {
		return ignoreNotFound(err)
	}
	asked := shims{}
	defer asked.close()
	x := e.toldByShim(ctx, asked, rec.Labels[labels.Stack], id, r.Started)
	if x == nil {
		x = otherwise
	}
	if x == nil {
		return nil
	}
	return e.keepEnd(id, *x)
}

func (e *Engine) putRun(id string, r run) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return statedir.WriteVolatile(e.runPath(id), b, 0o600)
}
