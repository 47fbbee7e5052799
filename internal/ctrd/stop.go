package ctrd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/moby/sys/signal"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/logs"
	"stackup.dev/stackup/planner"
)

// killWait bounds the wait for a process that got SIGKILL.
const killWait = 10 * time.Second

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
	if err := e.desire(ctx, rec, labels.DesiredStopped); err != nil {
		return err
	}
	if err := e.stopTask(ctx, rec, grace); err != nil {
		return err
	}
	return e.Network.Detach(ctx, id)
}

func (e *Engine) stopTask(ctx context.Context, rec containers.Container, grace time.Duration) error {
	t, err := e.task(ctx, rec.ID)
	if err != nil || t == nil {
		return err
	}
	switch taskState(t.Status) {
	case planner.TaskRunning:
		if err := e.terminate(ctx, rec, grace); err != nil {
			return err
		}
	case planner.TaskPaused: // a frozen process takes no signal but SIGKILL once thawed
		if _, err := e.client.TaskService().Resume(ctx, &tasksapi.ResumeTaskRequest{ContainerID: rec.ID}); err != nil {
			return fmt.Errorf("resume: %w", errgrpc.ToNative(err))
		}
	case planner.TaskNone, planner.TaskCreated, planner.TaskStopped: // nothing to tell it
	}
	return e.killAndDelete(ctx, rec.ID)
}

// terminate sends the stop signal and waits for the exit as long as grace.
func (e *Engine) terminate(ctx context.Context, rec containers.Container, grace time.Duration) error {
	s, err := storedOf(rec)
	if err != nil {
		return err
	}
	sig, err := signal.ParseSignal(s.StopSignal)
	if err != nil {
		return fmt.Errorf("stop signal: %w", err)
	}
	if err := e.kill(ctx, rec.ID, uint32(sig)); err != nil { //nolint:gosec // signals are small
		return err
	}
	_, err = e.awaitExit(ctx, rec.ID, grace)
	return err
}

func (e *Engine) kill(ctx context.Context, id string, sig uint32) error {
	_, err := e.client.TaskService().Kill(ctx, &tasksapi.KillRequest{ContainerID: id, Signal: sig, All: sig == uint32(unix.SIGKILL)})
	err = ignoreNotFound(errgrpc.ToNative(err))
	if err != nil {
		return fmt.Errorf("signal %d: %w", sig, err)
	}
	return nil
}

// awaitExit says whether the task ended within d.
func (e *Engine) awaitExit(ctx context.Context, id string, d time.Duration) (ended bool, err error) {
	// No deadline on the call itself: the server would report that its own way.
	wctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(d, cancel).Stop()
	_, err = e.client.TaskService().Wait(wctx, &tasksapi.WaitRequest{ContainerID: id})
	err = errgrpc.ToNative(err)
	switch {
	case err == nil || errdefs.IsNotFound(err):
		return true, nil
	case wctx.Err() != nil && ctx.Err() == nil:
		return false, nil
	default:
		return false, fmt.Errorf("wait for exit: %w", err)
	}
}

// killAndDelete ends whatever task there is. Repeating it is no error.
func (e *Engine) killAndDelete(ctx context.Context, id string) error {
	t, err := e.task(ctx, id)
	if err != nil || t == nil {
		return err
	}
	if taskState(t.Status) != planner.TaskStopped {
		if err := e.kill(ctx, id, uint32(unix.SIGKILL)); err != nil {
			return err
		}
		ended, err := e.awaitExit(ctx, id, killWait)
		if err != nil {
			return err
		}
		if !ended {
			return fmt.Errorf("process %d of %s is still there %s after SIGKILL (state %s)", t.Pid, id, killWait, t.Status)
		}
	}
	_, err = e.client.TaskService().Delete(ctx, &tasksapi.DeleteTaskRequest{ContainerID: id})
	if err := ignoreNotFound(errgrpc.ToNative(err)); err != nil {
		return fmt.Errorf("delete task: %w", err)
	}
	return nil
}

// Remove takes away all there is of a container, whatever an interrupted run
// has left of it. What Start can make again goes first, and the snapshot last:
// its labels tell the next run what was left if this one is killed.
func (e *Engine) Remove(ctx context.Context, id string) (err error) {
	ctx = e.ctx(ctx)
	lock, err := e.Dirs.LockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if err := e.killAndDelete(ctx, id); err != nil {
		return err
	}
	if err := e.Network.Release(ctx, id); err != nil {
		return fmt.Errorf("network: %w", err)
	}
	if err := e.removeFiles(id); err != nil {
		return err
	}
	if err := e.client.ContainerService().Delete(ctx, id); ignoreNotFound(err) != nil {
		return fmt.Errorf("container record: %w", err)
	}
	if err := e.client.SnapshotService(e.Snapshotter).Remove(ctx, id); ignoreNotFound(err) != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	return nil
}

func (e *Engine) removeFiles(id string) error {
	return errors.Join(
		logs.Remove(e.Dirs, id),
		os.RemoveAll(e.Dirs.Container(id)),
		os.RemoveAll(filepath.Join(e.Dirs.RuncRoot(), e.Dirs.Namespace(), id)))
}
