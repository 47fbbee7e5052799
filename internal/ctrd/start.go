package ctrd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	tasktypes "github.com/containerd/containerd/api/types/task"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/errdefs"

	"stackup.dev/stackup/internal/busy"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/planner"
)

// undoTimeout bounds the cleaning up after a start that failed; it is stretched on a
// busy machine.
const undoTimeout = 30 * time.Second

var errSlowUndo = fmt.Errorf("what a start has left is not cleared away within %s", undoTimeout)

// Start gives a container a task: files, network, logs, then the process.
// Starting what runs is no error; a task that was made and never started, or
// that has exited, is replaced.
func (e *Engine) Start(ctx context.Context, id string) (err error) {
	ctx = e.ctx(ctx)
	lock, err := e.Dirs.LockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	rec, err := e.client.ContainerService().Get(ctx, id)
	if err != nil {
		return err
	}
	e.meet(rec)
	if err := e.clearHalfStarted(ctx, id); err != nil {
		return err
	}
	running, err := e.clearTask(ctx, id)
	if err != nil {
		return err
	}
	if err := e.desire(ctx, rec, labels.DesiredRunning); err != nil || running {
		return err
	}
	if err := e.startWithHooks(ctx, rec); err != nil {
		if errdefs.IsUnavailable(err) {
			return err
		}
		// Nobody else shall try what the command has just reported as failed.
		rec.Labels[labels.Desired] = labels.DesiredRunning
		return errors.Join(err, e.desire(context.WithoutCancel(ctx), rec, labels.DesiredStopped))
	}
	return nil
}

// startWithHooks counts as a start only if post_start has done its work.
func (e *Engine) startWithHooks(ctx context.Context, rec containers.Container) error {
	s, err := storedOf(rec)
	if err != nil {
		return err
	}
	if err := e.markHooks(rec.ID, len(s.Service.PostStart) > 0); err != nil {
		return err
	}
	if err := e.startOrUndo(ctx, rec, restart.Count{}); err != nil {
		return err
	}
	if len(s.Service.PostStart) == 0 {
		return nil
	}
	err = e.runHooks(ctx, rec.ID, "post_start", s.Service.PostStart)
	if err == nil {
		return e.markHooks(rec.ID, false)
	}
	if errdefs.IsUnavailable(err) {
		return err
	}
	return errors.Join(err, e.undoStart(ctx, rec.ID))
}

func (e *Engine) startOrUndo(ctx context.Context, rec containers.Container, restarts restart.Count) error {
	err := e.startTask(ctx, rec, restarts)
	if err == nil || errdefs.IsUnavailable(err) { // without an engine nothing can be undone; the next run does
		return err
	}
	return errors.Join(err, e.undoStart(ctx, rec.ID))
}

// Restart starts a container again whose task has exited, unless somebody
// wants it stopped, or it was restarted since the count was seen; next is the
// count to record. It says whether it did. For the supervisor.
func (e *Engine) Restart(ctx context.Context, id string, seen, next restart.Count) (did bool, err error) {
	return e.startAgain(ctx, id, seen, next, func(ctx context.Context, rec containers.Container) (bool, error) {
		running, err := e.clearTask(ctx, rec.ID)
		return !running, err
	})
}

// startAgain does that once makeRoom has cleared the way for a new task, which it says.
func (e *Engine) startAgain(ctx context.Context, id string, seen, next restart.Count, makeRoom func(context.Context, containers.Container) (bool, error)) (did bool, err error) {
	ctx = e.ctx(ctx)
	lock, err := e.Dirs.LockContainer(ctx, id)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	rec, err := e.client.ContainerService().Get(ctx, id)
	if errdefs.IsNotFound(err) || err == nil && rec.Labels[labels.Desired] != labels.DesiredRunning {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if last, err := e.readRun(id); err != nil || last.Restarts != seen {
		return false, err // the decision was about an earlier run
	}
	e.meet(rec)
	defer e.forget(id) // the supervisor meets many in its life
	if made, err := makeRoom(ctx, rec); err != nil || !made {
		return false, err
	}
	if err := e.startOrUndo(ctx, rec, next); err != nil {
		return true, err
	}
	e.Note(ctx, id, "restart", time.Now(), map[string]string{"restartCount": strconv.Itoa(next.Total)})
	return true, nil
}

// clearTask makes room for a new task; running says that one runs already.
func (e *Engine) clearTask(ctx context.Context, id string) (running bool, err error) {
	t, err := e.task(ctx, id)
	if err != nil {
		return false, err
	}
	if t == nil {
		_, err := e.clearRemains(ctx, id)
		return false, err
	}
	if s := taskState(t.Status); s == planner.TaskRunning || s == planner.TaskPaused {
		return true, nil
	}
	return false, e.killAndDelete(ctx, id)
}

// task is the container's task, or nil. A shim that does not answer in time is no reason to
// say that there is none: it is asked again for a while.
func (e *Engine) task(ctx context.Context, id string) (*tasktypes.Process, error) {
	for end := time.Now().Add(busy.Stretch(shimPatience)); ; time.Sleep(shimPause) {
		r, err := e.client.TaskService().Get(ctx, &tasksapi.GetRequest{ContainerID: id})
		if err = native(err); err != nil {
			return nil, ignoreNotFound(err)
		}
		if r.Process.Status != tasktypes.Status_UNKNOWN { // what containerd 1 says of a shim that does not answer
			return r.Process, nil
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return nil, fmt.Errorf("the shim of container %s does not say how it is: %w", id, errdefs.ErrUnavailable)
		}
	}
}

const (
	shimPatience = 5 * time.Second // it is stretched on a busy machine
	shimPause    = 100 * time.Millisecond
)

// desire records what the last command wanted of the container.
func (e *Engine) desire(ctx context.Context, rec containers.Container, what string) error {
	if rec.Labels[labels.Desired] == what {
		return nil
	}
	return e.setLabel(ctx, rec.ID, labels.Desired, what)
}

// setLabel changes one label of a container's record, and nothing else.
func (e *Engine) setLabel(ctx context.Context, id, label, value string) error {
	up := containers.Container{ID: id, Labels: map[string]string{label: value}}
	_, err := e.client.ContainerService().Update(ctx, up, "labels."+label)
	return err
}

// undoStart takes a half-made task and its network away, even if ctx has ended.
func (e *Engine) undoStart(ctx context.Context, id string) error {
	ctx, cancel := busy.WithTimeout(context.WithoutCancel(ctx), undoTimeout, errSlowUndo)
	defer cancel()
	e.wiring.await(id)
	return errors.Join(e.killAndDelete(ctx, id), e.volumes.Release(ctx, id), e.Network.Detach(ctx, id))
}

// encodeEndpoint leaves out what the stored model has: labels are short.
func encodeEndpoint(p network.Endpoint) (string, error) {
	p.Hosts, p.Links, p.Servers = nil, nil, nil
	b, err := json.Marshal(p)
	return string(b), err
}

func decodeEndpoint(s string) (p network.Endpoint, err error) {
	if err := json.Unmarshal([]byte(s), &p); err != nil {
		return p, fmt.Errorf("the container's endpoint label is damaged: %w", err)
	}
	return p, nil
}
