package ctrd

import (
	"context"
	"errors"
	"testing"
	"time"

	"stackup.dev/stackup/internal/restart"
)

// TestInspectSettledWaitsForAStart: whoever holds the container may be half-way
// through, and what there is then is no end.
func TestInspectSettledWaitsForAStart(t *testing.T) {
	e := unconnected(t)
	lock, err := e.Dirs.LockContainer(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := e.InspectSettled(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v while the container is held", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Error(err)
	}
}

// TestNoteExitKeepsTheRun: and makes none of a container that never ran.
func TestNoteExitKeepsTheRun(t *testing.T) {
	e := unconnected(t)
	at, twice := time.Unix(100, 0).UTC(), restart.Count{Total: 2}
	e.noteExit("never", exit{3, at})
	if r, err := e.readRun("never"); err != nil || r.Exit != nil {
		t.Errorf("never started: %+v, %v", r, err)
	}
	if err := e.writeRun("x", at, twice); err != nil {
		t.Fatal(err)
	}
	e.noteExit("x", exit{143, at})
	if r, err := e.readRun("x"); err != nil || r.Exit == nil || r.Exit.Code != 143 || !r.Exit.At.Equal(at) || r.Restarts != twice || !r.Started.Equal(at) {
		t.Errorf("%+v, %v", r, err)
	}
	if err := e.writeRun("x", at, restart.Count{}); err != nil {
		t.Fatal(err)
	}
	if r, err := e.readRun("x"); err != nil || r.Exit != nil {
		t.Errorf("after a new start: %+v, %v", r, err)
	}
}
