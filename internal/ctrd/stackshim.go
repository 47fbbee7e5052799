package ctrd

import (
	"context"
	"errors"
	"fmt"
	"net"
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

// pid returns the process of the shim.
func (s *stackShim) pid(ctx context.Context) (int, error) {
	r, err := either(
		func() (interface{ GetShimPid() uint32 }, error) { return s.v3.Connect(ctx, &taskv3.ConnectRequest{}) },
		func() (interface{ GetShimPid() uint32 }, error) { return s.v2.Connect(ctx, &taskv2.ConnectRequest{}) })
	if err != nil {
		return 0, err
	}
	return int(r.GetShimPid()), nil
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

// toldByShim returns how the run of a container ended that containerd has no task of, if
// the shim of its stack knows: containerd may have given the shim up, as it does with one
// that is slow to answer when containerd starts. It is nil where nobody knows.
func (e *Engine) toldByShim(ctx context.Context, stack, id string, started time.Time) *exit {
	x, err := e.askShim(ctx, stack, id)
	if err != nil {
		e.Log.Debug("the shim does not tell how a container ended", "id", id, "err", err)
		return nil
	}
	if x == nil || x.At.Before(started) { // of the run before
		return nil
	}
	return x
}

func (e *Engine) askShim(ctx context.Context, stack, id string) (*exit, error) {
	ctx, cancel := busy.WithTimeout(e.ctx(ctx), askTime, errSlowShim)
	defer cancel()
	path, err := e.socketOf(ctx, stack)
	if err != nil {
		return nil, err
	}
	s, err := dialShim(path)
	if err != nil {
		return nil, err
	}
	defer s.close()
	return s.ended(ctx, id)
}

// endShim ends who listens at path, for when no container of its stack is left. One that
// keeps what is left of a container which containerd has lost does not end by itself. It
// is killed, unless a process of a container is its child.
func (e *Engine) endShim(ctx context.Context, path string) error {
	p := listener(path)
	if !p.listens {
		return nil
	}
	s, err := dialShim(path)
	if err != nil {
		return nil //nolint:nilerr // it has just ended
	}
	defer s.close()
	actx, cancel := busy.WithTimeout(ctx, askTime, errSlowShim)
	defer cancel()
	pid, err := s.pid(actx)
	if err == nil {
		err = s.shutdown(actx)
	}
	awaitEnd(ctx, path, p, busy.Stretch(shimExit))
	if err != nil || listener(path) != p {
		return nil //nolint:nilerr // what ends does not answer
	}
	if err := e.killShim(pid, path); err != nil {
		return err
	}
	awaitEnd(ctx, path, p, busy.Stretch(shimExit))
	return nil
}

// killShim kills a shim that has no child.
func (e *Engine) killShim(pid int, path string) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil //nolint:nilerr // it has ended
	}
	defer func() { _ = unix.Close(fd) }()
	if children := childrenByParent()[pid]; len(children) > 0 || !listens(path) {
		e.Log.Warn("a shim does not end, and has children", "pid", pid, "children", children)
		return nil
	}
	e.Log.Warn("a shim that has no container does not end, and is killed", "pid", pid)
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill shim %d: %w", pid, err)
	}
	return nil
}
