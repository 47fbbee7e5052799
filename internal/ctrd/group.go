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

// createTask has try make the task in the stack's shim. Something else may be in its
// way for a while: the shim, which ends with its last container, also while it makes
// another one; a task that was not quite cleared away; or containerd, which is still at
// what a killed command had begun. Then it is made again.
func (e *Engine) createTask(ctx context.Context, rec containers.Container, try func() error) error {
	socket, err := e.socketOf(ctx, rec.Labels[labels.Stack])
	if err != nil {
		return err
	}
	again := attempts{disturbed: e.disturbed(rec.ID)}
	if err := e.disturb(rec.ID); err != nil { // until containerd has answered
		return err
	}
	var shim peer
	err = untilMade(ctx, func() (bool, error) {
		shim = listener(socket)
		err := native(try())
		if err == nil && again.disturbed {
			err = e.stillThere(ctx, rec.ID)
		}
		ended := err != nil && shim.listens && listener(socket) != shim
		return again.worth(err, ended), err
	}, func(err error) error {
		if shimLeft(err) {
			awaitEnd(ctx, socket, shim, shimExit)
		}
		return e.deleteAndClear(ctx, rec.ID)
	})
	if ctx.Err() == nil && !errdefs.IsUnavailable(err) {
		err = errors.Join(err, e.settle(rec.ID))
	}
	if err == nil {
		e.used.Store(true)
	}
	return err
}

// attempts decides whether a task is made again.
type attempts struct {
	disturbed bool // containerd may be at work on the container
	refused   bool // the OCI runtime has refused once
}

// worth reports whether a create that failed may succeed the next time: something was in
// its way that has been cleared away, or its shim has ended. What the OCI runtime itself
// says it says again, unless that was about what is cleared away then.
func (a *attempts) worth(err error, shimEnded bool) bool {
	if err == nil || errdefs.IsUnavailable(err) {
		return false
	}
	if !a.disturbed && !shimEnded && !shimLeft(err) && !errdefs.IsAlreadyExists(err) {
		return false
	}
	if !runtimeRefused(err) {
		return true
	}
	first := !a.refused
	a.refused = true
	return first
}

// runtimeRefused reports whether an OCI runtime was started, and has said why it makes
// no container. Only the text of that comes over the wire.
func runtimeRefused(err error) bool {
	text := err.Error()
	return strings.Contains(text, "OCI runtime create failed") && !strings.Contains(text, "unable to retrieve OCI runtime error")
}

// stillThere returns an error if containerd has cleared a task away that it has just
// made: it was late in clearing away the one before.
func (e *Engine) stillThere(ctx context.Context, id string) error {
	t, err := e.task(ctx, id)
	if err == nil && t == nil {
		err = errors.New("containerd has cleared it away at once")
	}
	return err
}

// untilMade repeats try for as long as it says so, and some time at most. makeRoom is
// called before each repetition.
func untilMade(ctx context.Context, try func() (again bool, err error), makeRoom func(error) error) error {
	for end := time.Now().Add(busy.Stretch(makeTime)); ; time.Sleep(makeLook) {
		again, err := try()
		if !again {
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
	for _, path := range []string{own, others} {
		if err := errors.Join(e.endShim(ctx, path), removeDead(path)); err != nil {
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

func listens(path string) bool { return listener(path).listens }

// peer is who listens on a socket. Each shim makes its socket anew, so that its inode is
// another one.
type peer struct {
	listens bool
	socket  uint64
}

// listener looks at who listens at path. One that hangs takes no more connections when as
// many wait as may, and listens all the same.
func listener(path string) (p peer) {
	c, err := net.Dial("unix", path)
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		return p
	}
	if err == nil {
		_ = c.Close()
	}
	var st unix.Stat_t
	if unix.Stat(path, &st) == nil {
		p.socket = st.Ino
	}
	p.listens = true
	return p
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
