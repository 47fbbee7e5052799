package ctrd

import (
	"context"
	"time"

	"github.com/containerd/containerd/v2/core/containers"

	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/planner"
)

// Recycle stops a container that runs, within its grace, and starts it again, as
// Restart does one that has ended. For the supervisor.
func (e *Engine) Recycle(ctx context.Context, id string, seen, next restart.Count) (did bool, err error) {
	return e.startAgain(ctx, id, seen, next, e.stopRunning)
}

// stopRunning ends the task of a container; it says whether there was one that ran.
func (e *Engine) stopRunning(ctx context.Context, rec containers.Container) (ran bool, err error) {
	t, err := e.task(ctx, rec.ID)
	if err != nil || t == nil || taskState(t.Status) != planner.TaskRunning {
		return false, err
	}
	st, err := storedOf(rec)
	if err != nil {
		return false, err
	}
	return true, e.stopTask(ctx, rec, time.Duration(st.Service.StopGrace))
}
