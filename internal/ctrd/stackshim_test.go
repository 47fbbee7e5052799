package ctrd

import (
	"context"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	taskv2 "github.com/containerd/containerd/api/runtime/task/v2"
	taskv3 "github.com/containerd/containerd/api/runtime/task/v3"
	tasktypes "github.com/containerd/containerd/api/types/task"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/ttrpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stackup.dev/stackup/internal/restart"
)

// overAt is when the container "over" of the shims of these tests has ended, with 7.
var overAt = time.Unix(1000, 0).UTC()

// newShim is a shim of containerd 2, oldShim one of containerd 1. They know of "over",
// and of "on", which runs.
type newShim struct{ taskv3.TTRPCTaskService }

func (newShim) State(_ context.Context, r *taskv3.StateRequest) (*taskv3.StateResponse, error) {
	switch r.ID {
	case "over":
		return &taskv3.StateResponse{Status: tasktypes.Status_STOPPED, ExitStatus: 7, ExitedAt: timestamppb.New(overAt)}, nil
	case "on":
		return &taskv3.StateResponse{Status: tasktypes.Status_RUNNING}, nil
	}
	return nil, errgrpc.ToGRPC(errdefs.ErrNotFound)
}

type oldShim struct{ taskv2.TTRPCTaskService }

func (oldShim) State(ctx context.Context, r *taskv2.StateRequest) (*taskv2.StateResponse, error) {
	n, err := newShim{}.State(ctx, &taskv3.StateRequest{ID: r.ID})
	if err != nil {
		return nil, err
	}
	return &taskv2.StateResponse{Status: n.Status, ExitStatus: n.ExitStatus, ExitedAt: n.ExitedAt}, nil
}

// serveShim returns the socket of a shim.
func serveShim(t *testing.T, register func(*ttrpc.Server)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	fatal(t, err)
	s, err := ttrpc.NewServer()
	fatal(t, err)
	register(s)
	go func() { _ = s.Serve(t.Context(), l) }()
	t.Cleanup(func() { _ = s.Close() })
	return path
}

// Intent: a shim of either version tells how its containers have ended.
func TestShimsOfBothVersionsTell(t *testing.T) {
	for name, register := range map[string]func(*ttrpc.Server){
		"3": func(s *ttrpc.Server) { taskv3.RegisterTTRPCTaskService(s, newShim{}) },
		"2": func(s *ttrpc.Server) { taskv2.RegisterTTRPCTaskService(s, oldShim{}) },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := dialShim(serveShim(t, register))
			fatal(t, err)
			defer s.close()
			if x, err := s.ended(t.Context(), "over"); err != nil || x == nil || *x != (exit{7, overAt}) {
				t.Errorf("of what has ended: %v, %v", x, err)
			}
			for _, id := range []string{"on", "unknown"} {
				if x, err := s.ended(t.Context(), id); x != nil || err != nil {
					t.Errorf("of %s: %v, %v", id, x, err)
				}
			}
		})
	}
}

// Intent: before an engine starts it is kept how containers have ended, of those alone of
// which nobody has kept it, and that nobody holds.
func TestKeepExits(t *testing.T) {
	e := unconnected(t)
	path := serveShim(t, func(s *ttrpc.Server) { taskv3.RegisterTTRPCTaskService(s, newShim{}) })
	begin := func(id string, at time.Time) {
		t.Helper()
		bundle := filepath.Join(e.bundlesOf(e.Dirs.EngineState()), id)
		fatal(t, os.MkdirAll(bundle, 0o700))
		fatal(t, os.WriteFile(filepath.Join(bundle, "bootstrap.json"), []byte(`{"version":3,"address":"unix://`+path+`","protocol":"ttrpc"}`), 0o600))
		fatal(t, e.writeRun(id, at, restart.Count{}))
	}
	keep := func() { KeepExits(t.Context(), e.Dirs, slog.New(slog.DiscardHandler)) }
	kept := func(id string) *exit {
		t.Helper()
		r, err := e.readRun(id)
		fatal(t, err)
		return r.Exit
	}
	keep() // there is none yet
	begin("over", overAt.Add(-time.Second))
	begin("on", overAt)
	lock, err := e.Dirs.TryLockContainer("over")
	fatal(t, err)
	if keep(); kept("over") != nil {
		t.Error("something is kept of a container that somebody holds")
	}
	fatal(t, lock.Unlock())
	if keep(); kept("over") == nil || *kept("over") != (exit{7, overAt}) || kept("on") != nil {
		t.Errorf("kept: %v, %v of what runs", kept("over"), kept("on"))
	}
	begin("over", overAt.Add(time.Second))
	if keep(); kept("over") != nil {
		t.Errorf("the end of the run before is kept: %v", kept("over"))
	}
}

// Intent: who listens on a socket is found by it.
func TestListenersAt(t *testing.T) {
	path := serveShim(t, func(*ttrpc.Server) {})
	pids, err := listenersAt(path)
	fatal(t, err)
	if !slices.Equal(pids, []int{os.Getpid()}) {
		t.Errorf("processes %v, want this one, %d", pids, os.Getpid())
	}
	if pids, err := listenersAt(path + "x"); err != nil || len(pids) > 0 {
		t.Errorf("of a socket that nobody has: %v, %v", pids, err)
	}
}

// Intent: a shim is killed only if nothing runs below it.
func TestKillShim(t *testing.T) {
	e := unconnected(t)
	e.Log = slog.New(slog.DiscardHandler)
	path := serveShim(t, func(*ttrpc.Server) {})
	for script, killed := range map[string]bool{"read x; :": true, "sleep 1000 & wait": false} {
		c := exec.Command("sh", "-c", script, "shim", "-namespace", e.Dirs.Namespace())
		in, err := c.StdinPipe()
		fatal(t, err)
		fatal(t, c.Start())
		defer func() { _ = in.Close() }()
		for !e.isShim(c.Process.Pid) || !killed && len(childrenByParent()[c.Process.Pid]) == 0 {
			time.Sleep(time.Millisecond) // until it has its arguments and its child
		}
		did, err := e.killShim(c.Process.Pid, path)
		fatal(t, err)
		if did != killed {
			t.Errorf("%q is killed: %t, want %t", script, did, killed)
		}
		if !did {
			killTree(c.Process.Pid)
		}
		_ = c.Wait() // it was killed
	}
	if did, err := e.killShim(os.Getpid(), path); did || err != nil { // this process is no shim
		t.Errorf("killed: %t, %v", did, err)
	}
}
