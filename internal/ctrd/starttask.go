package ctrd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types"
	"github.com/containerd/containerd/v2/core/containers"

	"stackup.dev/stackup/internal/health"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/spec"
)

func (e *Engine) startTask(ctx context.Context, rec containers.Container, restarts restart.Count) error {
	return e.startWith(ctx, rec, restarts, nil, e.begin)
}

// begin starts the task that is made.
func (e *Engine) begin(ctx context.Context, rec containers.Container) error {
	at := time.Now() // it may have ended before the answer is here
	if _, err := e.client.TaskService().Start(ctx, &tasksapi.StartRequest{ContainerID: rec.ID}); err != nil {
		return fmt.Errorf("start task: %w", native(err))
	}
	e.Note(ctx, rec.ID, "start", at, nil)
	return nil
}

// startWith makes all that a container needs, and its task with the streams that
// open gives (nil: those that the logger drains); then begin starts the task.
func (e *Engine) startWith(ctx context.Context, rec containers.Container, restarts restart.Count, open func() (taskIO, error), begin func(context.Context, containers.Container) error) error {
	released := sync.OnceFunc(e.quick.hold())
	defer released()
	st, err := e.rewire(ctx, rec)
	if err != nil {
		return err
	}
	if open == nil {
		open = func() (taskIO, error) { return e.prepareIO(rec.ID, &st.Service) }
	}
	io, err := open()
	if err != nil {
		return fmt.Errorf("logs: %w", err)
	}
	letGo := sync.OnceFunc(func() { _ = io.letGo() }) // FIFOs lose nothing by that
	defer letGo()
	if err := helped(ctx, e.Helpers, Helpers.Collect); err != nil {
		return err
	}
	if err := e.freshRun(rec.ID, st.Health, restarts); err != nil {
		return err
	}
	if err := e.makeMounted(ctx, rec, &st, io); err != nil {
		return err
	}
	released()
	letGo()
	return begin(ctx, rec)
}

// rewire brings back what a container needs before its task: its secrets, its place
// on its networks, the files that name others. It gives what is stored of it.
func (e *Engine) rewire(ctx context.Context, rec containers.Container) (st stored, err error) {
	if err := loadAppArmor(); err != nil {
		return st, err
	}
	st, p, err := endpointOf(rec)
	if err != nil {
		return st, err
	}
	if err := e.grantAgain(rec, &st.Service); err != nil {
		return st, err
	}
	e.wiring.await(rec.ID)
	if p, err = e.restore(ctx, rec, &st, p); err != nil {
		return st, err
	}
	if err := e.writeFiles(rec.ID, p, &st.Service); err != nil {
		return st, err
	}
	if err := errors.Join(e.linkOthers(ctx, rec, &st.Service), e.shareShm(rec.ID, &st.Service)); err != nil {
		return st, err
	}
	if err := e.attach(ctx, rec.ID, &st.Service); err != nil {
		return st, fmt.Errorf("attach network: %w", err)
	}
	return st, nil
}

// makeMounted makes the task with what it mounts at hand.
func (e *Engine) makeMounted(ctx context.Context, rec containers.Container, st *stored, io taskIO) error {
	if err := e.useVolumes(ctx, rec); err != nil {
		return err
	}
	parts, err := e.holdFolders(rec)
	if err != nil {
		return err
	}
	defer parts.close()
	down, err := e.mountPassing(ctx, rec, st)
	if err != nil {
		return err
	}
	if err := errors.Join(e.makeTask(ctx, rec, st, io), down()); err != nil {
		return err
	}
	return parts.mounted(ctx, e, rec.ID)
}

// grantAgain writes configs and secrets that a reboot has taken away.
func (e *Engine) grantAgain(rec containers.Container, s *spec.Service) error {
	if len(s.Files) == 0 {
		return nil
	}
	o, err := specOf(rec)
	if err != nil {
		return err
	}
	return e.grant(rec.ID, s, o.Process.User)
}

func helped(ctx context.Context, h Helpers, how func(Helpers, context.Context) error) error {
	if h == nil {
		return nil
	}
	if err := how(h, ctx); err != nil {
		return fmt.Errorf("helpers: %w", err)
	}
	return nil
}

// freshRun forgets what was known of the run before.
func (e *Engine) freshRun(id string, h *spec.Healthcheck, restarts restart.Count) error {
	now := time.Now().UTC() // the same in both files: it says which run a verdict is of
	if h != nil && !h.Disable {
		if err := health.WriteFile(e.Dirs, id, health.NewStatus(now)); err != nil {
			return err
		}
	}
	return e.writeRun(id, now, restarts)
}

func (e *Engine) makeTask(ctx context.Context, rec containers.Container, s *stored, io taskIO) error {
	mounts, err := e.rootfs(ctx, rec, s)
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	req := &tasksapi.CreateTaskRequest{ContainerID: rec.ID, Stdin: io.stdin, Stdout: io.stdout, Stderr: io.stderr, Terminal: io.terminal}
	for _, m := range mounts {
		req.Rootfs = append(req.Rootfs, &types.Mount{Type: m.Type, Source: m.Source, Target: m.Target, Options: m.Options})
	}
	err = e.createTask(ctx, rec, func() error {
		if err := e.lendRealtime(ctx, rec.ID, &s.Service); err != nil {
			return err
		}
		return e.createInShim(ctx, rec, req)
	})
	if err != nil {
		return fmt.Errorf("create task: %w", err)
	}
	return nil
}
