package ctrd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/statedir"
)

// execCleanup bounds the deletion of an exec.
const execCleanup = 2 * time.Second

// Exec runs a process in a container and gives its exit code. When ctx ends
// the process is killed.
func (e *Engine) Exec(ctx context.Context, id string, p inspect.Process) (code int, err error) {
	ctx = e.ctx(ctx)
	c, err := e.client.LoadContainer(ctx, id)
	if err != nil {
		return 0, err
	}
	task, err := c.Task(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("it is not running: %w", err)
	}
	ps, err := e.processSpec(ctx, c, p)
	if err != nil {
		return 0, err
	}
	if p.Detached {
		return 0, e.detached(ctx, task, ps)
	}
	io := newExecIO(p)
	execID := "exec-" + rand.Text()
	streams, err := newHeldIO(e.Dirs.Exec(os.Getpid()), execID, p.Terminal, io)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, streams.release()) }()
	proc, err := task.Exec(ctx, execID, ps, func(string) (cio.IO, error) { return streams, nil })
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, deleteExec(ctx, proc)) }()
	return e.runExec(ctx, id, proc, p, io, streams.release)
}

// detached starts a process that goes on by itself. What is left of it goes with
// the container.
func (e *Engine) detached(ctx context.Context, task containerd.Task, ps *specs.Process) error {
	proc, err := task.Exec(ctx, "exec-"+rand.Text(), ps, cio.NullIO)
	if err != nil {
		return err
	}
	if err := e.startExec(ctx, task.ID(), proc); err != nil {
		return errors.Join(err, deleteExec(ctx, proc))
	}
	return nil
}

// startExec starts a process in a container, which nobody pauses meanwhile: what
// starts it would stand still in it, and the shim of containerd 1.6, which waits for
// that, with all containers that it has.
func (e *Engine) startExec(ctx context.Context, id string, proc containerd.Process) error {
	lock, err := e.Dirs.LockExec(ctx, id)
	if err != nil {
		return err
	}
	return errors.Join(proc.Start(ctx), lock.Unlock())
}

// deleteExec lets go of the FIFOs first: a process left in the background may
// hold their other ends for ever.
func deleteExec(ctx context.Context, proc containerd.Process) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), execCleanup)
	defer cancel()
	var errs []error
	if proc.IO() != nil {
		proc.IO().Cancel()
		errs = append(errs, proc.IO().Close())
	}
	_, err := proc.Delete(ctx, containerd.WithProcessKill)
	if ctx.Err() != nil || timedOut(err) {
		err = nil // the shim still waits for such a process; it ends with the container
	}
	return errors.Join(append(errs, ignoreNotFound(err))...)
}

// timedOut says that containerd gave up, whose clock may be a little before
// ours. The class of what its shim says is lost on the way, not the text.
func timedOut(err error) bool {
	return err != nil && strings.Contains(err.Error(), context.DeadlineExceeded.Error())
}

// runExec starts the process and waits for its end. Its FIFOs are held until it has
// started: a shim that finds nobody at the other end of one waits for half a minute,
// and tells of no exit meanwhile. Where the start fails, as with an engine that goes
// away, the shim may still be on its way to open them.
func (e *Engine) runExec(ctx context.Context, id string, proc containerd.Process, p inspect.Process, io *execIO, release func() error) (int, error) {
	exit, err := proc.Wait(ctx)
	if err != nil {
		return 0, err
	}
	if err := e.startExec(ctx, id, proc); err != nil {
		if errdefs.IsUnavailable(err) {
			time.Sleep(statedir.ReleaseTime) // the FIFOs are gone, but for a shim that has just looked one up
		}
		return 0, err
	}
	if err := release(); err != nil {
		return 0, err
	}
	if p.Started != nil {
		p.Started()
	}
	go io.passEOF(ctx, proc)
	go resize(ctx, proc, p.Resize)
	select {
	case st := <-exit:
		io.drain(ctx, proc)
		code, _, err := st.Result()
		return int(code), err
	case <-ctx.Done():
		killTree(int(proc.Pid()))
		return 0, context.Cause(ctx)
	}
}

// resize passes sizes on; a process that has just ended takes none, which
// harms nobody.
func resize(ctx context.Context, proc containerd.Process, sizes <-chan inspect.Size) {
	for {
		select {
		case s, ok := <-sizes:
			if !ok {
				return
			}
			_ = proc.Resize(ctx, uint32(s.Width), uint32(s.Height))
		case <-ctx.Done():
			return
		}
	}
}

// processSpec is the container's own process with the asked-for differences.
func (e *Engine) processSpec(ctx context.Context, c containerd.Container, p inspect.Process) (*specs.Process, error) {
	s, err := c.Spec(ctx)
	if err != nil {
		return nil, err
	}
	if p.User != "" {
		rec, err := c.Info(ctx)
		if err != nil {
			return nil, err
		}
		if err := userInto(ctx, e, &rec, s, p.User); err != nil {
			return nil, err
		}
	}
	if p.Privileged {
		if err := oci.WithAllCurrentCapabilities(ctx, e.client, nil, s); err != nil {
			return nil, err
		}
		s.Process.NoNewPrivileges = false
	}
	out := *s.Process
	out.Args, out.Terminal, out.CommandLine = p.Args, p.Terminal, ""
	out.Cwd = firstOf(p.WorkingDir, out.Cwd)
	for _, kv := range p.Env {
		out.Env = setEnv(out.Env, kv)
	}
	if p.Terminal {
		out.Env = setEnv(out.Env, "TERM="+firstOf(os.Getenv("TERM"), "xterm"))
	}
	return &out, nil
}

func userInto(ctx context.Context, e *Engine, rec *containers.Container, s *oci.Spec, user string) error {
	if err := e.placeMounts(); err != nil {
		return err
	}
	return withUser(user)(ctx, e.client, rec, s)
}
