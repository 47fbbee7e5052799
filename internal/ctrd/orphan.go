package ctrd

import (
	"context"
	"errors"
	"net"
	"time"

	taskv2 "github.com/containerd/containerd/api/runtime/task/v2"
	taskv3 "github.com/containerd/containerd/api/runtime/task/v3"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/ttrpc"
)

// AwaitOrphan waits for the end of a container while the engine is away, and keeps
// how it ended: an engine that starts clears away what has ended, and makes up an
// end. It asks the stack's shim, by its task API of version 3, or 2 (containerd 1).
func (e *Engine) AwaitOrphan(ctx context.Context, stack, id string) error {
	ctx = e.ctx(ctx)
	path, err := e.socketOf(ctx, stack)
	if err != nil {
		return err
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	client := ttrpc.NewClient(c)
	defer func() { _ = client.Close() }() // all is said
	code, at, err := awaitShim(ctx, client, id)
	if err != nil {
		return err
	}
	lock, err := e.Dirs.LockContainer(ctx, id)
	if err != nil {
		return err
	}
	if r, rerr := e.readRun(id); rerr == nil && r.Exit == nil && !at.Before(r.Started) {
		e.noteExit(id, code, at)
	}
	return lock.Unlock()
}

func awaitShim(ctx context.Context, client *ttrpc.Client, id string) (code uint32, at time.Time, err error) {
	r, err := taskv3.NewTTRPCTaskClient(client).Wait(ctx, &taskv3.WaitRequest{ID: id})
	if err == nil {
		return r.GetExitStatus(), r.GetExitedAt().AsTime(), nil
	}
	if !errors.Is(errgrpc.ToNative(err), errdefs.ErrNotImplemented) {
		return 0, at, err
	}
	old, err := taskv2.NewTTRPCTaskClient(client).Wait(ctx, &taskv2.WaitRequest{ID: id})
	if err != nil {
		return 0, at, err
	}
	return old.GetExitStatus(), old.GetExitedAt().AsTime(), nil
}
