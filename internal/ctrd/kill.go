package ctrd

import (
	"context"
	"errors"
	"fmt"
	"time"

	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/moby/sys/signal"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/busy"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/planner"
)

// errNotRunning is the error of what only a running container can take.
var errNotRunning = errors.New("it is not running")

// Kill sends a signal to the container's first process. It waits for nobody who
// holds the container: it is how a stop that takes its time is cut short. What
// ends by SIGKILL or by its own stop signal is meant to stay down.
func (e *Engine) Kill(ctx context.Context, id, name string) error {
	ctx = e.ctx(ctx)
	sig, err := signal.ParseSignal(name)
	if err != nil {
		return err
	}
	rec, err := e.client.ContainerService().Get(ctx, id)
	if err != nil {
		return err
	}
	t, err := e.task(ctx, id)
	if err != nil {
		return err
	}
	if t == nil {
		return e.killOrphan(ctx, rec, sig)
	}
	if taskState(t.Status) != planner.TaskRunning && taskState(t.Status) != planner.TaskPaused {
		return errNotRunning
	}
	if sig != unix.SIGKILL {
		if err := e.forbidRestartAfter(ctx, rec, sig); err != nil {
			return err
		}
		return e.signal(ctx, id, t, sig)
	}
	if err := e.forbidRestart(ctx, rec); err != nil {
		return err
	}
	if err := e.signal(ctx, id, t, sig); err != nil {
		return err
	}
	if taskState(t.Status) == planner.TaskPaused { // on control groups of version 1 the frozen end only once thawed
		_, err := e.client.TaskService().Resume(ctx, &tasksapi.ResumeTaskRequest{ContainerID: id})
		_ = native(err) // it may have ended already
	}
	return e.awaitKilled(ctx, id)
}

// lookTime is how long others may look at a container, and share its lock for that. It
// is stretched on a busy machine.
const lookTime = 200 * time.Millisecond

// killOrphan kills what runs of a container that containerd has no task of. Only
// SIGKILL can be told: nobody knows which process is the first. Somebody who holds the
// container makes or ends its task.
func (e *Engine) killOrphan(ctx context.Context, rec containers.Container, sig unix.Signal) (err error) {
	lctx, cancel := context.WithTimeout(ctx, busy.Stretch(lookTime))
	defer cancel()
	lock, err := e.Dirs.LockContainer(lctx, rec.ID)
	if statedir.IsLocked(err) {
		return errNotRunning
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	orphaned, err := e.orphaned(ctx, rec.ID)
	switch {
	case err != nil:
		return err
	case !orphaned:
		return errNotRunning
	case sig != unix.SIGKILL:
		return errOrphaned
	}
	if err := e.forbidRestart(ctx, rec); err != nil {
		return err
	}
	return e.endLost(ctx, rec.ID)
}

// forbidRestartAfter forbids it if sig is what the container is stopped by.
func (e *Engine) forbidRestartAfter(ctx context.Context, rec containers.Container, sig unix.Signal) error {
	s, err := storedOf(rec)
	if err != nil {
		return err
	}
	if s.stopSignal() != sig {
		return nil
	}
	return e.forbidRestart(ctx, rec)
}

// awaitKilled waits for the end of who got SIGKILL. A shim that waits for a
// command which is gone tells of no end before it is let go.
func (e *Engine) awaitKilled(ctx context.Context, id string) error {
	ended, err := e.awaitExit(ctx, id, killTime)
	if ended || err != nil {
		return err
	}
	if err := e.Dirs.SweepExecs(); err != nil {
		return err
	}
	if ended, err = e.awaitExit(ctx, id, busy.Stretch(killWait)); err == nil && !ended {
		err = fmt.Errorf("its process is still there %s after SIGKILL", killWait)
	}
	return err
}

// Pause freezes all processes of a container.
func (e *Engine) Pause(ctx context.Context, id string) error {
	return e.freeze(ctx, id, planner.TaskRunning, "pause", func(ctx context.Context) error {
		lock, err := e.Dirs.LockExec(ctx, id)
		if err != nil {
			return err
		}
		_, err = e.client.TaskService().Pause(ctx, &tasksapi.PauseTaskRequest{ContainerID: id})
		return errors.Join(native(err), lock.Unlock())
	})
}

// Unpause lets them go on.
func (e *Engine) Unpause(ctx context.Context, id string) error {
	return e.freeze(ctx, id, planner.TaskPaused, "unpause", func(ctx context.Context) error {
		_, err := e.client.TaskService().Resume(ctx, &tasksapi.ResumeTaskRequest{ContainerID: id})
		return native(err)
	})
}

// freeze calls do if the container's task is in that state, and notes the action; in
// the other one of the two it has been done already.
func (e *Engine) freeze(ctx context.Context, id string, from planner.TaskState, action string, do func(context.Context) error) (err error) {
	ctx = e.ctx(ctx)
	lock, err := e.Dirs.LockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	t, err := e.task(ctx, id)
	if err != nil {
		return err
	}
	switch {
	case t == nil:
		return errNotRunning
	case taskState(t.Status) == from:
		if err := do(ctx); err != nil {
			return err
		}
		e.Note(ctx, id, action, time.Now(), nil)
		return nil
	case taskState(t.Status) == planner.TaskRunning, taskState(t.Status) == planner.TaskPaused:
		return nil
	}
	return errNotRunning
}
