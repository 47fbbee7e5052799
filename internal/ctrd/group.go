package ctrd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/sandbox"
	"github.com/containerd/containerd/v2/pkg/shim"
	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/busy"
	"stackup.dev/stackup/internal/labels"
)

// groupAnnotation has containers of one value share a shim, which lives as
// long as one of them (containerd, runtime v2, "shim grouping").
const groupAnnotation = "io.containerd.runc.v2.group"

// shimExit is what a shim takes at most to end after its last container.
const shimExit = time.Second

// The versions of a shim's task API that a task can be created by: through the
// shim that is there, or by running the shim's program, which starts one or
// finds the one that is there.
const (
	throughShim    = 3
	throughProgram = 2
)

// join lets a new container into its stack's shim without running the shim's
// program for it, which only our own engine is sure to know how to do.
func (e *Engine) join(ctx context.Context, rec *containers.Container, stack string) error {
	if !e.Embedded {
		return nil
	}
	rec.SandboxID = stack
	return e.group(ctx, stack)
}

// group makes the sandbox record that joining asks for, once. A sandbox of
// containerd's own it is not: its runc shim has none.
func (e *Engine) group(ctx context.Context, stack string) error {
	e.grouping.Lock()
	defer e.grouping.Unlock()
	if e.grouped[stack] {
		return nil
	}
	_, err := e.client.SandboxStore().Create(ctx, sandbox.Sandbox{
		ID: stack, Runtime: sandbox.RuntimeOpts{Name: runtimeName}, Labels: map[string]string{labels.Stack: stack},
	})
	if err != nil && !errdefs.IsAlreadyExists(err) {
		return fmt.Errorf("sandbox record: %w", err)
	}
	e.grouped[stack] = true
	return nil
}

// createTask makes the task in the stack's shim.
func (e *Engine) createTask(ctx context.Context, rec containers.Container, req *tasksapi.CreateTaskRequest) error {
	makeRoom := func(err error) error {
		if path, perr := e.socketOf(ctx, rec.Labels[labels.Stack]); perr == nil && shimLeft(err) {
			awaitEnd(ctx, path, shimExit)
		}
		return e.deleteTask(ctx, rec.ID)
	}
	err := untilMade(ctx, rec.ID, func() error { return native(e.createInShim(ctx, rec, req)) }, makeRoom)
	if err == nil {
		e.used.Store(true)
	}
	return err
}

// untilMade repeats the making of a task while somebody else is in its way: the stack's
// shim ends with its last container, which it does even while it makes another one;
// what was there before is not quite cleared away; or containerd is still clearing away
// what a killed command had begun. Then makeRoom is called, with the error.
func untilMade(ctx context.Context, id string, try func() error, makeRoom func(error) error) error {
	for end := time.Now().Add(busy.Stretch(makeTime)); ; time.Sleep(makeLook) {
		err := try()
		if !shimLeft(err) && !errdefs.IsAlreadyExists(err) && !inTheWay(err) && !cleared(err, id) {
			return err
		}
		err = errors.Join(err, makeRoom(err))
		if !time.Now().Before(end) || ctx.Err() != nil {
			return err
		}
	}
}

const (
	makeTime = 10 * time.Second
	makeLook = 50 * time.Millisecond
)

// cleared reports whether containerd has taken a container's bundle folder away while
// its task was being made: it was still clearing away what a killed command had left.
// Then a file or folder of the bundle is missing, whichever was due next. Only the
// text comes over the wire. What the OCI runtime itself misses is another matter.
func cleared(err error, id string) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	runtimeSays := strings.Contains(text, "OCI runtime create failed") && !strings.Contains(text, "unable to retrieve OCI runtime error")
	runtimeSays = runtimeSays || strings.Contains(text, "executable file not found") || strings.Contains(text, "fork/exec")
	return strings.Contains(text, "/"+id+"/") && strings.Contains(text, "no such file or directory") && !runtimeSays
}

func (e *Engine) createInShim(ctx context.Context, rec containers.Container, req *tasksapi.CreateTaskRequest) error {
	listening, begun, err := e.oneShim(ctx, rec.Labels[labels.Stack])
	if err != nil {
		return err
	}
	defer begun()
	if rec.SandboxID != "" {
		path, err := e.ownSocket(ctx, rec.SandboxID)
		if err != nil {
			return err
		}
		req.TaskApiAddress, req.TaskApiVersion = "ttrpc+unix://"+path, throughProgram
		if listening {
			req.TaskApiVersion = throughShim
		}
	}
	_, err = e.client.TaskService().Create(ctx, req)
	return err
}

// shimPoll is how often it is looked whether a stack's new shim listens.
const shimPoll = 2 * time.Millisecond

// oneShim keeps two from starting the shim of one stack at once: of two programs
// that do, each may make the socket anew, and one shim is left that nobody can
// reach and nobody ends. It says whether there is one by now; if not, begun lets
// the next one in, and so does the new shim once it listens.
func (e *Engine) oneShim(ctx context.Context, stack string) (listening bool, begun func(), err error) {
	if e.shimListens(ctx, stack) {
		return true, func() {}, nil
	}
	unlock, err := e.lockShim(ctx, stack)
	if err != nil {
		return false, nil, err
	}
	if e.shimListens(ctx, stack) {
		unlock()
		return true, func() {}, nil
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer unlock()
		e.awaitShim(ctx, stack, done)
	}()
	return false, func() { close(done); <-ended }, nil
}

// awaitShim returns when the stack's shim listens, or when it is done.
func (e *Engine) awaitShim(ctx context.Context, stack string, done <-chan struct{}) {
	for !e.shimListens(ctx, stack) {
		select {
		case <-done:
			return
		case <-time.After(shimPoll):
		}
	}
}

// lockShim waits first for those of this process, as the lock file is polled.
func (e *Engine) lockShim(ctx context.Context, stack string) (unlock func(), err error) {
	if err := e.starting.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	lock, err := e.Dirs.LockShim(ctx, stack)
	if err != nil {
		e.starting.Release(1)
		return nil, err
	}
	return func() {
		if err := lock.Unlock(); err != nil {
			e.Log.Warn("free the lock of a shim's start", "stack", stack, "err", err)
		}
		e.starting.Release(1)
	}, nil
}

func (e *Engine) shimListens(ctx context.Context, stack string) bool {
	path, err := e.socketOf(ctx, stack)
	return err == nil && listens(path)
}

// socketOf is where a stack's shim listens on the engine that is used.
func (e *Engine) socketOf(ctx context.Context, stack string) (string, error) {
	if e.Embedded {
		return e.ownSocket(ctx, stack)
	}
	return e.systemSocket(ctx, stack)
}

// RemoveGroup takes away what is left of a stack's shim. For when the stack has
// no container any more: a shim that outlives the container which it was
// started with does not find its socket again and leaves it.
func (e *Engine) RemoveGroup(ctx context.Context, stack string) error {
	ctx = e.ctx(ctx)
	if e.Embedded {
		if err := e.client.SandboxStore().Delete(ctx, stack); ignoreNotFound(err) != nil {
			return fmt.Errorf("sandbox record: %w", err)
		}
	}
	own, err1 := e.ownSocket(ctx, stack)
	others, err2 := e.systemSocket(ctx, stack)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	endIdle(own) // one that was started and never got a container
	for _, path := range []string{own, others} {
		awaitEnd(ctx, path, busy.Stretch(shimExit))
		if err := removeDead(path); err != nil {
			return err
		}
	}
	return e.removeShimFolder(stack)
}

// ownSocket is where a stack's shim listens on the embedded engine.
func (e *Engine) ownSocket(ctx context.Context, stack string) (string, error) {
	return socketIn(ctx, e.Dirs.ShimSockets(), e.Dirs.Socket(), stack)
}

// systemSocket is where it listens on a system's containerd: at its default.
func (e *Engine) systemSocket(ctx context.Context, stack string) (string, error) {
	return socketIn(ctx, "/run/containerd/s", e.Address, stack)
}

func socketIn(ctx context.Context, dir, engine, stack string) (string, error) {
	address, err := shim.CreateSocketAddress(ctx, dir, engine, stack, false)
	return strings.TrimPrefix(address, "unix://"), err
}

func listens(path string) bool {
	c, err := net.Dial("unix", path)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

// removeDead removes a socket that nobody listens on.
func removeDead(path string) error {
	c, err := net.Dial("unix", path)
	if err == nil {
		return c.Close()
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return nil // it is not there
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// shimLeft says that a task could not be made as its stack's shim was just
// ending with its last container. The class of such errors does not come over
// the wire, only their text.
func shimLeft(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "ttrpc: closed") || strings.Contains(text, "connection refused") || strings.Contains(text, "connection reset")
}
