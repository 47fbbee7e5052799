package ctrd

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/ttrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"stackup.dev/stackup/internal/busy"
)

// Limits of calls to the engine, on a machine that is not busy.
const (
	callTime = 20 * time.Second // of calls that only write a record or start a process
	longTime = 10 * time.Minute // of calls that move or delete data
)

// connecting says how connections are made. Where nobody listens, that is tried again
// every three seconds at least. An engine that takes one and says nothing is waited for
// longer than any call is, so that one which hangs is not taken for one that went away.
var connecting = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: time.Second, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 3 * time.Second},
	MinConnectTimeout: time.Hour,
}

// limitOf is how long a call may take; 0 for no limit of ours.
func (e *Engine) limitOf(method string) time.Duration {
	switch {
	case e.Snapshotter == "native" && strings.Contains(method, "Snapshots/"): // it copies whole trees
		return longTime
	case strings.HasSuffix(method, "Tasks/Wait"):
		return 0 // waits have deadlines of their own
	case strings.Contains(method, ".diff."), strings.Contains(method, ".content."),
		strings.HasSuffix(method, "Snapshots/Remove"), strings.HasSuffix(method, "Images/Delete"):
		return longTime
	default:
		return callTime
	}
}

// within gives the same end to calls whose answer is a stream.
func within(ctx context.Context, call string, do func(context.Context) error) error {
	return limited(ctx, callTime, call, do)
}

// deadline gives every call an end: an engine that hangs is reported, with
// the call that it does not answer.
func (e *Engine) deadline(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return limited(ctx, e.limitOf(method), method, func(ctx context.Context) error {
		return shimEnded(method, invoke(ctx, method, req, reply, cc, opts...))
	})
}

// shimEnded gives the answer to a call about a task its class, where that is lost on the
// way: if the task's shim ends meanwhile, which it does with its last container, there is
// no such task any more. Of its state containerd says so itself. What makes or deletes a
// task does more than ask the shim.
func shimEnded(method string, err error) error {
	call := path.Base(method)
	if !strings.Contains(method, ".Tasks/") || call == "Create" || call == "Delete" {
		return err
	}
	if s, ok := status.FromError(err); !ok || !strings.HasSuffix(s.Message(), ttrpc.ErrClosed.Error()) {
		return err
	}
	return status.Error(codes.NotFound, "the task has ended, and its shim")
}

func limited(ctx context.Context, limit time.Duration, method string, call func(context.Context) error) error {
	if limit == 0 {
		return gone(method, call(ctx))
	}
	silent := &silentError{method: path.Base(path.Dir(method)) + "/" + path.Base(method), limit: limit}
	ctx, cancel := busy.WithTimeout(ctx, limit, silent)
	defer cancel()
	err := call(ctx)
	if err != nil && context.Cause(ctx) == silent { //nolint:errorlint // this very error, made above
		return silent
	}
	return gone(method, err)
}

// silentError says that an engine does not answer. It is of the class of those
// that went away: asking it to undo what was begun would wait as long again.
type silentError struct {
	method string
	limit  time.Duration
}

func (e *silentError) Error() string {
	return fmt.Sprintf("containerd does not answer %s within %s", e.method, e.limit)
}

func (*silentError) Unwrap() error { return errdefs.ErrUnavailable }

// GRPCStatus is what containerd's client makes its own error of. Without it, that would
// be of no class.
func (e *silentError) GRPCStatus() *status.Status { return status.New(codes.Unavailable, e.Error()) }

// absentError says that no engine is there, or that it went away while it was asked.
type absentError struct{ text string }

func (e *absentError) Error() string { return e.text }

func (*absentError) Unwrap() error { return errdefs.ErrUnavailable }

// GRPCStatus is what containerd's client makes its own error of.
func (e *absentError) GRPCStatus() *status.Status { return status.New(codes.Unavailable, e.text) }

// Absent reports whether New has failed because no containerd is there, or because it
// went away before it answered. One that does not answer in time is there.
func Absent(err error) bool {
	var silent *silentError
	return errdefs.IsUnavailable(err) && !errors.As(err, &silent)
}

// native gives an answer of containerd's task service its class; what limited
// has found out has one already.
func native(err error) error {
	if errdefs.IsUnavailable(err) {
		return err
	}
	return errgrpc.ToNative(err)
}

// gone puts the loss of the engine into plain words; its class stays. containerd's client
// has given the errors of streams their class already.
func gone(method string, err error) error {
	if !errdefs.IsUnavailable(err) && !errdefs.IsUnavailable(errgrpc.ToNative(err)) || ours(err) {
		return err
	}
	return &absentError{fmt.Sprintf("containerd went away during %s/%s; run the command again once it is back",
		path.Base(path.Dir(method)), path.Base(method))}
}

// ours reports whether an error says already that the engine is silent or absent.
func ours(err error) bool {
	var silent *silentError
	var absent *absentError
	return errors.As(err, &silent) || errors.As(err, &absent)
}
