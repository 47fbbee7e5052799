package ctrd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	taskv2 "github.com/containerd/containerd/api/runtime/task/v2"
	taskv3 "github.com/containerd/containerd/api/runtime/task/v3"
	tasktypes "github.com/containerd/containerd/api/types/task"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/ttrpc"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stackup.dev/stackup/internal/busy"
)

// stackShim is the shim of a stack, asked without the engine: by its task API of version
// 3, or 2 (containerd 1).
type stackShim struct {
	client *ttrpc.Client
	v3     taskv3.TTRPCTaskService
	v2     taskv2.TTRPCTaskService
}

// dialShim connects to the shim that listens at path.
func dialShim(path string) (*stackShim, error) {
	c, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	client := ttrpc.NewClient(c)
	return &stackShim{client: client, v3: taskv3.NewTTRPCTaskClient(client), v2: taskv2.NewTTRPCTaskClient(client)}, nil
}

func (s *stackShim) close() { _ = s.client.Close() } // all is said

// either asks a shim by the version of its API that it has.
func either[T any](v3, v2 func() (T, error)) (T, error) {
	r, err := v3()
	if errors.Is(errgrpc.ToNative(err), errdefs.ErrNotImplemented) {
		r, err = v2()
	}
	return r, errgrpc.ToNative(err)
}

// ending is what answers of both versions tell of a process that has ended.
type ending interface {
	GetExitStatus() uint32
	GetExitedAt() *timestamppb.Timestamp
}

func exitOf(r ending) exit { return exit{Code: int(r.GetExitStatus()), At: r.GetExitedAt().AsTime()} }

// wait waits until a container has ended.
func (s *stackShim) wait(ctx context.Context, id string) (exit, error) {
	r, err := either(
		func() (ending, error) { return s.v3.Wait(ctx, &taskv3.WaitRequest{ID: id}) },
		func() (ending, error) { return s.v2.Wait(ctx, &taskv2.WaitRequest{ID: id}) })
	if err != nil {
		return exit{}, err
	}
	return exitOf(r), nil
}

// ended returns how a container has ended: nil if it has not, or the shim knows none.
func (s *stackShim) ended(ctx context.Context, id string) (*exit, error) {
	type state interface {
		ending
		GetStatus() tasktypes.Status
	}
	r, err := either(
		func() (state, error) { return s.v3.State(ctx, &taskv3.StateRequest{ID: id}) },
		func() (state, error) { return s.v2.State(ctx, &taskv2.StateRequest{ID: id}) })
	if err != nil {
		return nil, ignoreNotFound(err)
	}
	if r.GetStatus() != tasktypes.Status_STOPPED || r.GetExitedAt() == nil {
		return nil, nil
	}
	x := exitOf(r)
	return &x, nil
}

// shutdown asks the shim to end, which it does not do while it has containers.
func (s *stackShim) shutdown(ctx context.Context) error {
	_, err := either(
		func() (any, error) { return s.v3.Shutdown(ctx, &taskv3.ShutdownRequest{}) },
		func() (any, error) { return s.v2.Shutdown(ctx, &taskv2.ShutdownRequest{}) })
	return err
}

// askTime is what a shim takes at most to answer; it is stretched on a busy machine.
const askTime = time.Second

var errSlowShim = fmt.Errorf("the shim does not answer within %s", askTime)

// shims are those that have been asked, by their sockets; nil for one that does not
// answer.
type shims map[string]*stackShim

func (s shims) close() {
	for _, shim := range s {
		if shim != nil {
			shim.close()
		}
	}
}

// ended asks the shim that listens at path how a container has ended. The error of one that
// does not answer is given once.
func (s shims) ended(ctx context.Context, path, id string) (*exit, error) {
	shim, known := s[path]
	if !known {
		var err error
		if shim, err = dialShim(path); err != nil {
			s[path] = nil
			return nil, err
		}
		s[path] = shim
	}
	if shim == nil {
		return nil, nil
	}
	ctx, cancel := busy.WithTimeout(ctx, askTime, errSlowShim)
	defer cancel()
	x, err := shim.ended(ctx, id)
	if ctx.Err() != nil {
		shim.close()
		s[path] = nil
	}
	return x, err
}

// toldByShim returns how the run of a container ended that containerd has no task of, if
// the shim of its stack knows: containerd may have given the shim up, as it does with one
// that is slow to answer when containerd starts. It is nil where nobody knows.
func (e *Engine) toldByShim(ctx context.Context, asked shims, stack, id string, started time.Time) *exit {
	ctx = e.ctx(ctx)
	path, err := e.socketOf(ctx, stack)
	if err == nil {
		var x *exit
		if x, err = asked.ended(ctx, path, id); x != nil && !x.At.Before(started) { // else of the run before
			return x
		}
	}
	if err != nil {
		e.Log.Debug("the shim does not tell how a container ended", "id", id, "err", err)
	}
	return nil
}

// endShim ends who listens at path, for when no container of its stack is left. One that
// keeps what is left of a container which containerd has lost does not end by itself, nor
// does one that hangs. It is killed, unless it has children: those may be containers.
func (e *Engine) endShim(ctx context.Context, path string) error {
	p := listener(path)
	if !p.listens {
		return nil
	}
	endIdle(path)
	awaitEnd(ctx, path, p, busy.Stretch(shimExit))
	if listener(path) != p {
		return nil
	}
	pids, err := listenersAt(path)
	killed := false
	for _, pid := range pids {
		k, kerr := e.killShim(pid, path)
		killed, err = killed || k, errors.Join(err, kerr)
	}
	if killed {
		awaitEnd(ctx, path, p, busy.Stretch(shimExit))
	}
	return err
}

// killShim kills a shim that has no child. Anybody else who listens in its place is left
// alone.
func (e *Engine) killShim(pid int, path string) (killed bool, err error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false, nil //nolint:nilerr // it has ended
	}
	defer func() { _ = unix.Close(fd) }()
	if !e.isShim(pid) {
		return false, nil
	}
	if children := childrenByParent()[pid]; len(children) > 0 || !listens(path) {
		e.Log.Warn("a shim does not end, and has children", "pid", pid, "children", children)
		return false, nil
	}
	e.Log.Warn("a shim that has no container does not end, and is killed", "pid", pid)
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return false, fmt.Errorf("kill shim %d: %w", pid, err)
	}
	return true, nil
}

// isShim reports whether a process is a shim of our namespace, as its arguments say.
func (e *Engine) isShim(pid int) bool {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	args := strings.Split(string(b), "\x00")
	at := slices.Index(args, "-namespace")
	return err == nil && at > 0 && at+1 < len(args) && args[at+1] == e.Dirs.Namespace()
}

// acceptFlag is the flag of a socket that takes connections (/proc/net/unix, proc(5)).
const acceptFlag = "00010000"

// listenersAt returns the processes that have the socket which takes connections at path.
func listenersAt(path string) (pids []int, err error) {
	table, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return nil, err
	}
	var socket string
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) == 8 && f[3] == acceptFlag && f[7] == path {
			socket = "socket:[" + f[6] + "]"
		}
	}
	descriptors, err := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, d := range descriptors {
		if to, lerr := os.Readlink(d); lerr != nil || to != socket { // it may have been closed
			continue
		}
		pid, perr := strconv.Atoi(strings.Split(d, "/")[2])
		err, pids = errors.Join(err, perr), append(pids, pid)
	}
	return slices.Compact(pids), err
}
