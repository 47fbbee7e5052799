package ctrd

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"stackup.dev/stackup/internal/busy"
	"stackup.dev/stackup/internal/statedir"
)

// quiet lets limits be what they say, whatever else this machine does.
func quiet(t *testing.T) {
	t.Helper()
	load := busy.Load
	busy.Load = func() float64 { return 0 }
	t.Cleanup(func() { busy.Load = load })
}

func TestLimitOf(t *testing.T) {
	for method, want := range map[string]time.Duration{
		"/containerd.services.tasks.v1.Tasks/Wait":             0,
		"/containerd.services.tasks.v1.Tasks/Start":            callTime,
		"/containerd.services.containers.v1.Containers/List":   callTime,
		"/containerd.services.snapshots.v1.Snapshots/Prepare":  callTime,
		"/containerd.services.snapshots.v1.Snapshots/Remove":   longTime,
		"/containerd.services.images.v1.Images/Delete":         longTime,
		"/containerd.services.images.v1.Images/Get":            callTime,
		"/containerd.services.content.v1.Content/Info":         longTime,
		"/containerd.services.diff.v1.Diff/Apply":              longTime,
		"/containerd.services.introspection.v1.Introspection/": callTime,
	} {
		if got := new(Engine).limitOf(method); got != want {
			t.Errorf("%s: %v, want %v", method, got, want)
		}
	}
}

// hanging answers a call only when its context ends.
func hanging(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestDeadlineNamesTheCallThatHangs(t *testing.T) {
	quiet(t)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := new(Engine).deadline(t.Context(), "/containerd.services.tasks.v1.Tasks/Start", nil, nil, nil, hanging)
		want := "containerd does not answer containerd.services.tasks.v1.Tasks/Start within 20s"
		if err == nil || err.Error() != want || time.Since(start) != callTime {
			t.Errorf("after %v: %v, want %s", time.Since(start), err, want)
		}
		if !errdefs.IsUnavailable(err) { // else it would be asked to undo what was begun
			t.Errorf("%v is not of the class of engines that went away", err)
		}
	})
}

func TestDeadlineLeavesTheCallersEndAlone(t *testing.T) {
	for _, method := range []string{"/x.Tasks/Start", "/x.Tasks/Wait"} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), callTime/2)
			defer cancel()
			if err := new(Engine).deadline(ctx, method, nil, nil, nil, hanging); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", method, err)
			}
		})
	}
}

func TestWaitHasNoDeadlineOfOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(24*time.Hour, cancel)
		start := time.Now()
		err := new(Engine).deadline(ctx, "/containerd.services.tasks.v1.Tasks/Wait", nil, nil, nil, hanging)
		if !errors.Is(err, context.Canceled) || time.Since(start) != 24*time.Hour {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestDeadlinePassesAnswersOn(t *testing.T) {
	refused := errors.New("refused")
	for _, want := range []error{nil, refused} {
		answer := func(ctx context.Context, method string, req, reply any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
			if ctx.Done() == nil || method != "/x/Y" || req != "req" || reply != "reply" {
				t.Errorf("%s(%v, %v)", method, req, reply)
			}
			return want
		}
		if err := new(Engine).deadline(t.Context(), "/x/Y", "req", "reply", nil, answer); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

// TestShimEnded: a task is gone whose shim ends while it is asked about. What makes or
// deletes one says what it met.
func TestShimEnded(t *testing.T) {
	closed := status.Error(codes.Unknown, "wait: ttrpc: closed")
	for method, gone := range map[string]bool{
		"/containerd.services.tasks.v1.Tasks/Wait":            true,
		"/containerd.services.tasks.v1.Tasks/Exec":            true,
		"/containerd.services.tasks.v1.Tasks/DeleteProcess":   true,
		"/containerd.services.tasks.v1.Tasks/Create":          false,
		"/containerd.services.tasks.v1.Tasks/Delete":          false,
		"/containerd.services.containers.v1.Containers/Get":   false,
		"/containerd.services.snapshots.v1.Snapshots/Prepare": false,
	} {
		for _, answer := range []error{closed, nil, status.Error(codes.Unknown, "no space left on device"), context.Canceled} {
			err := new(Engine).deadline(t.Context(), method, nil, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return answer })
			if want := gone && errors.Is(answer, closed); errdefs.IsNotFound(native(err)) != want || !want && !errors.Is(err, answer) {
				t.Errorf("%s: %v for %v", method, err, answer)
			}
		}
	}
}

// TestNativeSnapshotterMayTakeLong: it copies whole trees, the others do not.
func TestNativeSnapshotterMayTakeLong(t *testing.T) {
	quiet(t)
	for snapshotter, want := range map[string]time.Duration{"native": longTime, "overlayfs": callTime} {
		synctest.Test(t, func(t *testing.T) {
			e := &Engine{Config: Config{Snapshotter: snapshotter}}
			start := time.Now()
			err := e.deadline(t.Context(), "/containerd.services.snapshots.v1.Snapshots/Prepare", nil, nil, nil, hanging)
			if err == nil || time.Since(start) != want {
				t.Errorf("%s: %v after %v, want %v", snapshotter, err, time.Since(start), want)
			}
		})
	}
}

// TestStreamsHaveAnEnd: calls whose answer is a stream pass no interceptor.
func TestStreamsHaveAnEnd(t *testing.T) {
	quiet(t)
	synctest.Test(t, func(t *testing.T) {
		err := within(t.Context(), "Snapshots/List", func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		if want := "containerd does not answer Snapshots/List within 20s"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		err = within(t.Context(), "Snapshots/List", func(context.Context) error {
			return errgrpc.ToNative(status.Error(codes.Unavailable, "error reading from server: EOF"))
		})
		if want := "containerd went away during Snapshots/List; run the command again once it is back"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}

// What is lost with the engine must stay recognisable, however it is wrapped.
func TestNativeKeepsTheClassOfLosses(t *testing.T) {
	for _, err := range []error{
		gone("/x.Tasks/Create", status.Error(codes.Unavailable, "connection closed")),
		&silentError{method: "x.Tasks/Create", limit: callTime},
	} {
		// containerd's client passes what its calls end with through ToNative.
		for _, got := range []error{native(err), errgrpc.ToNative(err), gone("/x.Tasks/Start", err)} {
			if !errdefs.IsUnavailable(got) || !strings.Contains(got.Error(), "x.Tasks/Create") {
				t.Errorf("%v has become %v", err, got)
			}
		}
	}
	if err := native(status.Error(codes.NotFound, "no task")); !errdefs.IsNotFound(err) {
		t.Errorf("%v is not of the class of what is not there", err)
	}
	if err := native(nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}

// TestAbsent: an engine that is not there can be started; one that hangs cannot, on a
// busy machine either.
func TestAbsent(t *testing.T) {
	load := busy.Load
	busy.Load = func() float64 { return 1.2 * float64(runtime.NumCPU()) }
	t.Cleanup(func() { busy.Load = load })
	dir := t.TempDir()
	at := func(name string, serve func(net.Conn)) string {
		l, err := net.Listen("unix", filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				t.Cleanup(func() { _ = c.Close() }) // not before
				serve(c)
			}
		}()
		return l.Addr().String()
	}
	closed, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "closed")})
	if err != nil {
		t.Fatal(err)
	}
	closed.SetUnlinkOnClose(false)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, address string
		absent        bool
	}{
		{"no socket", filepath.Join(dir, "none"), true},
		{"a socket that nobody listens on", closed.Addr().String(), true},
		{"one that hangs up", at("dying", func(c net.Conn) { _ = c.Close() }), true},
		{"one that says nothing", at("hanging", func(net.Conn) {}), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := New(t.Context(), Config{Address: c.address, Dirs: statedir.Dirs{Root: dir, State: dir}})
			if err == nil {
				t.Fatal(errors.Join(errors.New("it is connected"), e.Close()))
			}
			if Absent(err) != c.absent {
				t.Errorf("Absent is %t: %v", !c.absent, err)
			}
		})
	}
}
