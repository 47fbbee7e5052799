package ctrd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	tasktypes "github.com/containerd/containerd/api/types/task"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/logs"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/planner"
)

const (
	// killTime is what a process that got SIGKILL takes at most, as a rule.
	killTime = 500 * time.Millisecond
	// killWait bounds the wait for one that takes longer.
	killWait = 10 * time.Second
)

// A shim that is told of more than 32 exits at once, while some of them are
// being cleared away, stands still for a second per further one. So processes
// are told to end in groups; one that takes its time holds up nobody else.
const (
	tellAtOnce = 16
	tellTime   = 100 * time.Millisecond
)

// Stop ends a container's task by its stop signal, and by SIGKILL after
// grace; then the task and its network go.
func (e *Engine) Stop(ctx context.Context, id string, grace time.Duration) (err error) {
	ctx = e.ctx(ctx)
	lock, err := e.Dirs.LockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	rec, err := e.client.ContainerService().Get(ctx, id)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	e.meet(rec)
	if err := e.forbidRestart(ctx, rec); err != nil {
		return err
	}
	if err := e.stopTask(ctx, rec, grace); err != nil {
		return err
	}
	if err := e.volumes.Release(ctx, id); err != nil {
		return err
	}
	e.wiring.await(id)
	return e.Network.Detach(ctx, id)
}

// forbidRestart keeps the supervisor from bringing back what is stopped here.
// It does not do so without a restart policy; then nothing need be recorded.
func (e *Engine) forbidRestart(ctx context.Context, rec containers.Container) error {
	s, err := storedOf(rec)
	if err != nil {
		return err
	}
	if !restart.Ever(s.Service.Restart) && !s.Service.Restart.Unhealthy {
		return nil
	}
	return e.desire(ctx, rec, labels.DesiredStopped)
}

// stopTask ends the task and clears it away. Any number of stops may wait for
// their processes at once; clearing away starts programs, so few do that.
func (e *Engine) stopTask(ctx context.Context, rec containers.Container, grace time.Duration) error {
	t, err := e.task(ctx, rec.ID)
	if err != nil {
		return err
	}
	if t == nil {
		return e.endLost(ctx, rec.ID)
	}
	ended := false
	switch taskState(t.Status) {
	case planner.TaskRunning:
		if s, err := storedOf(rec); err == nil {
			grace = e.beforeStop(ctx, rec.ID, &s.Service, grace)
		}
		told, err := e.mayTell(ctx)
		if err != nil {
			return err
		}
		defer told()
		if ended, err = e.terminate(ctx, rec, t, grace); err != nil {
			return err
		}
	case planner.TaskPaused: // a frozen process takes no signal but SIGKILL once thawed
		if _, err := e.client.TaskService().Resume(ctx, &tasksapi.ResumeTaskRequest{ContainerID: rec.ID}); err != nil {
			return fmt.Errorf("resume: %w", native(err))
		}
	case planner.TaskNone, planner.TaskCreated, planner.TaskStopped, planner.TaskOrphaned: // nothing to tell it
	}
	if err := e.clearing.Acquire(ctx, 1); err != nil {
		return err
	}
	defer e.clearing.Release(1)
	finish := e.killAndDelete
	if ended {
		finish = e.deleteAndClear
	}
	if err := finish(ctx, rec.ID); err != nil {
		return err
	}
	if s := taskState(t.Status); s == planner.TaskRunning || s == planner.TaskPaused {
		e.Note(ctx, rec.ID, "stop", time.Now(), nil)
	}
	return nil
}

// mayTell waits until one more process may be told to end. That counts until
// told is called, or for tellTime.
func (e *Engine) mayTell(ctx context.Context) (told func(), err error) {
	if err := e.telling.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	release := sync.OnceFunc(func() { e.telling.Release(1) })
	timer := time.AfterFunc(tellTime, release)
	return func() { timer.Stop(); release() }, nil
}

// terminate sends the stop signal and says whether the task ended within grace.
func (e *Engine) terminate(ctx context.Context, rec containers.Container, t *tasktypes.Process, grace time.Duration) (ended bool, err error) {
	s, err := storedOf(rec)
	if err != nil {
		return false, err
	}
	if err := e.signal(ctx, rec.ID, t, s.stopSignal()); err != nil {
		return false, err
	}
	return e.awaitExit(ctx, rec.ID, grace)
}

// awaitExit says whether the task ended within d.
func (e *Engine) awaitExit(ctx context.Context, id string, d time.Duration) (ended bool, err error) {
	// No deadline on the call itself: the server would report that its own way.
	wctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(d, cancel).Stop()
	_, err = e.client.TaskService().Wait(wctx, &tasksapi.WaitRequest{ContainerID: id})
	err = native(err)
	switch {
	case err == nil || errdefs.IsNotFound(err):
		return true, nil
	case wctx.Err() != nil && ctx.Err() == nil:
		return false, nil
	default:
		return false, fmt.Errorf("wait for exit: %w", err)
	}
}

// killAndDelete ends whatever task there is. Repeating it is no error. It is
// cleared away even if there seems to be none: where somebody was killed while
// he did that, its shim is left.
func (e *Engine) killAndDelete(ctx context.Context, id string) error {
	t, err := e.task(ctx, id)
	if err != nil {
		return err
	}
	if t != nil && taskState(t.Status) != planner.TaskStopped {
		if err := e.signal(ctx, id, t, unix.SIGKILL); err != nil {
			return err
		}
		if err := e.awaitKilled(ctx, id); err != nil {
			return fmt.Errorf("%s (process %d): %w", id, t.Pid, err)
		}
	}
	return e.deleteAndClear(ctx, id)
}

// deleteAndClear clears away a task that has ended, and what containerd leaves of it.
func (e *Engine) deleteAndClear(ctx context.Context, id string) error {
	if err := e.deleteTask(ctx, id); err != nil {
		return err
	}
	_, err := e.clearRemains(ctx, id)
	return err
}

// deleteTask clears away a task that has ended. The stack's shim may end with
// its last task before it has answered: asked again, containerd knows of none.
func (e *Engine) deleteTask(ctx context.Context, id string) error {
	req := &tasksapi.DeleteTaskRequest{ContainerID: id}
	r, err := e.client.TaskService().Delete(ctx, req)
	if class := native(err); err != nil && !errdefs.IsNotFound(class) && !errdefs.IsUnavailable(class) {
		if err := e.disturb(id); err != nil {
			return err
		}
		r, err = e.client.TaskService().Delete(ctx, req)
	}
	if err := ignoreNotFound(native(err)); err != nil {
		return fmt.Errorf("delete task: %w", err)
	}
	if err == nil && r.Pid > 0 && r.ExitedAt != nil { // else it never ran, or somebody has seen its end before
		e.noteExit(id, exitOf(r))
		e.NoteEnd(ctx, id, int(r.ExitStatus), r.ExitedAt.AsTime(), false)
	}
	return nil
}

// Remove takes away all there is of a container, whatever an interrupted run
// has left of it. What Start can make again goes first. Its address goes after its
// record, whose label would bring it back. The snapshot goes last: its labels tell the
// next run what was left if this one is killed.
func (e *Engine) Remove(ctx context.Context, id string) (err error) {
	ctx = e.ctx(ctx)
	lock, err := e.Dirs.LockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	what, there := e.who(ctx, id)
	defer e.forget(id)
	if err := e.killAndDelete(ctx, id); err != nil {
		return err
	}
	if err := e.volumes.Release(ctx, id); err != nil {
		return err
	}
	if err := e.client.ContainerService().Delete(ctx, id); ignoreNotFound(err) != nil {
		return fmt.Errorf("container record: %w", err)
	}
	if there {
		what.Action, what.Time = "destroy", time.Now()
		e.note(what)
	}
	e.wiring.await(id)
	if err := e.Network.Release(ctx, id); err != nil {
		return fmt.Errorf("network: %w", err)
	}
	if err := e.removeFiles(id); err != nil {
		return err
	}
	if err := e.removeViews(ctx, id); err != nil {
		return fmt.Errorf("mounted images: %w", err)
	}
	if err := e.client.SnapshotService(e.Snapshotter).Remove(ctx, id); ignoreNotFound(err) != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	return nil
}

func (e *Engine) removeFiles(id string) error {
	if err := e.unmountPassing(id); err != nil { // what is below them is not to be removed
		return err
	}
	return errors.Join(
		e.revoke(id),
		e.unshareShm(id),
		logs.Remove(e.Dirs, id),
		os.RemoveAll(e.Dirs.Disk(id)),
		os.RemoveAll(e.Dirs.Container(id)))
}
