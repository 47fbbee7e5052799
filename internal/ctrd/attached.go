package ctrd

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/cio"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// Run starts a container with its streams at hand, waits for its end, and gives
// its exit code; then its network goes, and it stays to be removed. Nothing of
// its output is kept. Of p only the streams and their sizes count. When ctx ends
// the container is stopped, within its grace, and what it still says is passed on.
func (e *Engine) Run(ctx context.Context, id string, p inspect.Process) (code int, err error) {
	ctx = e.ctx(ctx)
	lock, err := e.Dirs.LockContainer(ctx, id)
	if err != nil {
		return 0, err
	}
	var unlockErr error
	unlock := sync.OnceFunc(func() { unlockErr = lock.Unlock() })
	defer func() { unlock(); err = errors.Join(err, unlockErr) }()
	rec, err := e.client.ContainerService().Get(ctx, id)
	if err != nil {
		return 0, err
	}
	if _, err := e.clearTask(ctx, id); err != nil {
		return 0, err
	}
	streams := newExecIO(p)
	var attached cio.IO
	err = e.startWith(ctx, rec, restart.Count{}, func() (_ taskIO, err error) {
		var t taskIO
		attached, t, err = e.attachedIO(id, p, streams)
		return t, err
	}, func(ctx context.Context, rec containers.Container) error {
		code, err = e.runAttached(ctx, rec, p, streams, attached, unlock)
		return err
	})
	if attached != nil {
		attached.Cancel()
		err = errors.Join(err, attached.Close())
	}
	if err != nil && ctx.Err() == nil {
		err = errors.Join(err, e.undoStart(ctx, id))
	}
	return code, err
}

// attachedIO makes FIFOs of this process, and passes on what goes through them.
// They are held: our own end of a stream would be over with the first shim that
// opens it, which may be one just ending, and the next would wait for us for ever.
func (e *Engine) attachedIO(id string, p inspect.Process, x *execIO) (cio.IO, taskIO, error) {
	streams, err := newHeldIO(e.Dirs.Exec(os.Getpid()), id, p.Terminal, x)
	if err != nil {
		return nil, taskIO{}, err
	}
	c := streams.Config()
	return streams, taskIO{stdin: c.Stdin, stdout: c.Stdout, stderr: c.Stderr, terminal: c.Terminal, letGo: streams.release}, nil
}

// runAttached starts the task that is made, and waits for its end.
func (e *Engine) runAttached(ctx context.Context, rec containers.Container, p inspect.Process, x *execIO, streams cio.IO, begun func()) (int, error) {
	c, err := e.client.LoadContainer(ctx, rec.ID)
	if err != nil {
		return 0, err
	}
	task, err := c.Task(ctx, func(*cio.FIFOSet) (cio.IO, error) { return streams, nil })
	if err != nil {
		return 0, err
	}
	exit, err := task.Wait(context.WithoutCancel(ctx))
	if err != nil {
		return 0, err
	}
	if err := e.begin(ctx, rec); err != nil {
		return 0, err
	}
	begun()
	go x.passEOF(ctx, task)
	go resize(ctx, task, p.Resize)
	select {
	case st := <-exit:
		x.drain(ctx, task)
		code, _, err := st.Result()
		return int(code), errors.Join(err, e.ended(ctx, rec.ID))
	case <-ctx.Done():
		after := context.WithoutCancel(ctx)
		st, err := storedOf(rec)
		if err == nil {
			err = e.Stop(after, rec.ID, time.Duration(st.Service.StopGrace))
		}
		x.drain(after, task)
		return 0, errors.Join(context.Cause(ctx), err)
	}
}

// ended clears away what a container that has ended no longer needs.
func (e *Engine) ended(ctx context.Context, id string) (err error) {
	lock, err := e.Dirs.LockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if err := e.deleteAndClear(ctx, id); err != nil {
		return err
	}
	return errors.Join(e.volumes.Release(ctx, id), e.Network.Release(ctx, id)) // it is never started again
}

// ownVolumes names the anonymous volumes that only this one-off container has: by
// its own ID, not those that it shares with another service (volumes_from).
func (e *Engine) ownVolumes(rec containers.Container) ([]string, error) {
	id, ok := labels.Decode(rec.Labels)
	if !ok || id.Ref.Index != planner.OneOff || rec.Spec == nil {
		return nil, nil
	}
	o, err := specOf(rec)
	if err != nil {
		return nil, err
	}
	own := executor.ContainerSpec{ID: rec.ID, Stack: id.Stack, Ref: id.Ref}
	var out []string
	for _, m := range o.Mounts {
		if name := anonymousName(own, spec.Mount{Target: m.Destination}); m.Source == e.volumes.Data(name) {
			out = append(out, name)
		}
	}
	return out, nil
}

// RemoveRun takes away a one-off container with the anonymous volumes that only
// it has.
func (e *Engine) RemoveRun(ctx context.Context, id string) error {
	rec, err := e.client.ContainerService().Get(e.ctx(ctx), id)
	if ignoreNotFound(err) != nil {
		return err
	}
	volumes, err := e.ownVolumes(rec) // none of one that is half removed
	errs := []error{err, e.Remove(ctx, id)}
	for _, v := range volumes {
		errs = append(errs, e.volumes.Remove(ctx, v))
	}
	return errors.Join(errs...)
}
