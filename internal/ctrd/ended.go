package ctrd

import (
	"context"
	"errors"
	"time"

	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/errdefs"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/planner"
)

// Errors of who waits for the end of a container.
var (
	errRemoved      = errors.New("it has been removed")
	errNeverStarted = errors.New("it has never been started")
)

// Ended returns when a container does not run and nobody starts it again by
// itself, at once if that is so now, with its last exit code.
func (e *Engine) Ended(ctx context.Context, id string) (int, error) {
	ctx = e.ctx(ctx)
	for {
		r, err := e.client.TaskService().Wait(ctx, &tasksapi.WaitRequest{ContainerID: id})
		if err = native(err); err != nil && !errdefs.IsNotFound(err) {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return 0, err
		}
		code := 0
		if err == nil {
			code = int(r.ExitStatus)
		}
		ended, last, err := e.endedFor(ctx, id, code, err == nil)
		if err != nil || ended {
			return last, err
		}
	}
}

// endedPoll is how often a container is looked at that is about to be restarted.
const endedPoll = 100 * time.Millisecond

// InspectSettled looks at a container while nobody starts or stops it: half a
// start looks like an end.
func (e *Engine) InspectSettled(ctx context.Context, id string) (c inspect.Container, found bool, err error) {
	lock, err := e.Dirs.ShareContainer(ctx, id)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return c, false, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return e.inspectOne(ctx, id, true)
}

// endedFor waits until the container runs again, or is sure not to. code is that
// of the run just seen, if one was.
func (e *Engine) endedFor(ctx context.Context, id string, code int, seen bool) (ended bool, last int, err error) {
	tick := time.NewTicker(endedPoll)
	defer tick.Stop()
	for {
		c, found, err := e.InspectSettled(ctx, id)
		switch {
		case err != nil:
			return false, 0, err
		case !found && seen:
			return true, code, nil
		case !found:
			return false, 0, errRemoved
		case c.Task == planner.TaskRunning || c.Task == planner.TaskPaused:
			return false, 0, nil
		}
		if c.Task != planner.TaskOrphaned { // when its processes end nobody can tell: it is looked at again
			if !seen {
				code = restart.LostCode
			}
			var again bool
			if code, again, err = lastExit(c, code); err != nil || !again {
				return err == nil, code, err
			}
		}
		select {
		case <-ctx.Done():
			return false, 0, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// lastExit returns the exit code of the last run of a container that does not run, and
// whether its restart policy brings it back. told is the code where none was kept.
func lastExit(c inspect.Container, told int) (code int, again bool, err error) {
	if c.Task == planner.TaskNone && c.StartedAt.IsZero() {
		return 0, false, errNeverStarted
	}
	code = c.EndedWith(told)
	again, _, _ = restart.Decide(c.Service.Restart, code, c.Desired != labels.DesiredRunning, c.Restarts, c.ExitedAt.Sub(c.StartedAt))
	return code, again, nil
}
