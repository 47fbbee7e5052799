package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/statedir"
)

func TestStartServesAndStopLeavesNothing(t *testing.T) {
	needRoot(t)
	d, libexec := newDirs(t), newLibexec(t)
	begin := time.Now()
	pid := running(t, d, libexec)
	t.Logf("started in %s, resident: %s", time.Since(begin).Round(100*time.Microsecond), resident(t, pid))

	version, err := Ping(t.Context(), d.Socket())
	if err != nil || !strings.HasPrefix(version, "2.4.") {
		t.Errorf("Ping = %q, %v, want version 2.4", version, err)
	}
	for path, want := range map[string]fs.FileMode{
		d.State:        fs.ModeDir | 0o700,
		d.Socket():     fs.ModeSocket | 0o600,
		ttrpcSocket(d): fs.ModeSocket | 0o600,
		d.EngineRoot(): fs.ModeDir | 0o700,
		d.EngineLog():  0o600,
	} {
		st, err := os.Stat(path)
		if err != nil {
			t.Error(err)
		} else if st.Mode() != want {
			t.Errorf("%s has mode %s, want %s", path, st.Mode(), want)
		}
	}
	tryServices(t, d)

	if err := Stop(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	wantGone(t, pid)
	for _, path := range []string{d.Socket(), ttrpcSocket(d)} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), filepath.Dir(d.Root)) {
		t.Errorf("something is still mounted: %v\n%s", err, mounts)
	}
}

// tryServices writes through the API and reads back: no server plugin of those
// that stackup calls is missing.
func tryServices(t *testing.T, d statedir.Dirs) {
	t.Helper()
	c, err := client.New(d.Socket(), client.WithDefaultNamespace(d.Namespace()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	ctx := t.Context()
	ctx, done, err := c.WithLease(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sn := c.SnapshotService(Snapshotter(d))
	mounts, err := sn.Prepare(ctx, "probe", "")
	if err != nil || len(mounts) == 0 {
		t.Errorf("prepare a snapshot: %v, %v", mounts, err)
	}
	if err := sn.Remove(ctx, "probe"); err != nil {
		t.Error(err)
	}
	if err := done(ctx); err != nil {
		t.Error(err)
	}
	_, errC := c.Containers(ctx)
	_, errI := c.ListImages(ctx)
	_, errS := c.SandboxStore().List(ctx)
	_, errT := c.TaskService().List(ctx, nil)
	if err := errors.Join(errC, errI, errS, errT); err != nil {
		t.Error(err)
	}
}

func TestStartComesBackAfterKill(t *testing.T) {
	needRoot(t)
	d, libexec := newDirs(t), newLibexec(t)
	first := running(t, d, libexec)
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(d.Socket()); err != nil {
		t.Fatalf("a killed engine leaves its socket file: %v", err)
	}
	if second := running(t, d, libexec); second == first {
		t.Errorf("the engine has process %d still", first)
	}
}

func TestParallelStartsMakeOneEngine(t *testing.T) {
	needRoot(t)
	d, libexec := newDirs(t), newLibexec(t)
	starters := make([]*exec.Cmd, 20)
	for i := range starters {
		c := exec.CommandContext(t.Context(), os.Args[0], "engine", "start", "--root", d.Root, "--state", d.State)
		c.Env = append(os.Environ(), "STACKUP_LIBEXEC="+libexec)
		c.Stderr = t.Output()
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		starters[i] = c
	}
	for _, c := range starters {
		if err := c.Wait(); err != nil {
			t.Errorf("a parallel start: %v", err)
		}
	}
	pid := running(t, d, libexec)
	if diff := cmp.Diff([]string{fmt.Sprint(pid)}, engines(t, d)); diff != "" {
		t.Errorf("engines (-want +got):\n%s", diff)
	}
	log, err := os.ReadFile(d.EngineLog())
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(log), "engine is ready"); n != 1 {
		t.Errorf("%d engines were started, want 1", n)
	}
}

func TestStopKillsHungEngine(t *testing.T) {
	needRoot(t)
	d := newDirs(t)
	pid := running(t, d, newLibexec(t))
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s, err := Describe(t.Context(), d, Choice{Kind: Embedded, Address: d.Socket()}, "")
	if err != nil || s.Running || s.PID != pid {
		t.Errorf("Describe of a hung engine = %+v, %v", s, err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Millisecond, errors.New("too late"))
	defer cancel()
	want := fmt.Sprintf("too late; process %d is the engine", pid)
	if err := bringUp(ctx, d, newLibexec(t)); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("bringUp beside a hung engine = %v, want %q", err, want)
	}
	if err := end(t.Context(), d, 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	wantGone(t, pid)
}

// TestStopFindsWhoListens: an engine whose lock file somebody has deleted is stopped too.
func TestStopFindsWhoListens(t *testing.T) {
	needRoot(t)
	d := newDirs(t)
	pid := running(t, d, newLibexec(t))
	if err := os.Remove(d.LockFile(lockName)); err != nil {
		t.Fatal(err)
	}
	if again, held, err := holder(d); again != pid || !held || err != nil {
		t.Errorf("without its lock file the engine is %d (held: %t, %v), want %d", again, held, err, pid)
	}
	if err := Stop(t.Context(), d); err != nil {
		t.Error(err)
	}
	wantGone(t, pid)
}

func TestStopWithoutEngine(t *testing.T) {
	needRoot(t)
	d := newDirs(t)
	if err := Stop(t.Context(), d); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(d.State); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stop made the state folder: %v", err)
	}
}

func TestStartSaysWhyTheEngineEnded(t *testing.T) {
	needRoot(t)
	d, libexec := newDirs(t), newLibexec(t)
	if err := os.MkdirAll(d.Root, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.EngineRoot(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := Start(t.Context(), d, libexec)
	if err == nil || !strings.Contains(err.Error(), d.EngineRoot()+": not a directory") {
		t.Errorf("Start = %v, want the engine's last words", err)
	}
}

func TestDescribe(t *testing.T) {
	needRoot(t)
	d, libexec := newDirs(t), newLibexec(t)
	t.Setenv("STACKUP_LIBEXEC", libexec)
	want := Status{
		Kind: Embedded, Address: d.Socket(), Root: d.Root, State: d.State, Namespace: d.Namespace(),
		Runtime: Runtime{Path: filepath.Join(libexec, "runc"), Version: "9.9.9"},
	}
	describe := func() Status {
		s, err := Describe(t.Context(), d, Choice{Kind: Embedded, Address: d.Socket()}, "")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if diff := cmp.Diff(want, describe()); diff != "" {
		t.Errorf("without an engine (-want +got):\n%s", diff)
	}
	want.PID, want.Running, want.Snapshotter = running(t, d, libexec), true, Snapshotter(d)
	got := describe()
	want.Version = got.Version
	if diff := cmp.Diff(want, got); diff != "" || got.Version == "" {
		t.Errorf("with an engine (-want +got):\n%s", diff)
	}
}

// A system engine is described from what it says itself; here another
// embedded one stands in for it.
func TestDescribeSystemEngine(t *testing.T) {
	needRoot(t)
	other, mine, libexec := newDirs(t), newDirs(t), newLibexec(t)
	c := Choice{Kind: System, Address: other.Socket()}
	want := Status{Kind: System, Address: c.Address, Root: mine.Root, State: mine.State, Namespace: mine.Namespace()}
	got, err := Describe(t.Context(), mine, c, "")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("not running (-want +got): %v\n%s", err, diff)
	}
	t.Setenv("PATH", libexec)
	want.PID, want.Running, want.Snapshotter = running(t, other, libexec), true, Snapshotter(other)
	want.Runtime = Runtime{Path: filepath.Join(libexec, "runc"), Version: "9.9.9"}
	got, err = Describe(t.Context(), mine, c, "")
	want.Version = got.Version
	if diff := cmp.Diff(want, got); diff != "" || err != nil || got.Version == "" {
		t.Errorf("running (-want +got): %v\n%s", err, diff)
	}
}

// engines are the processes that run an engine of d.
func engines(t *testing.T, d statedir.Dirs) (pids []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, _ := os.ReadFile(f) // the process may be gone
		if strings.Contains(string(b), "\x00run\x00--root\x00"+d.Root+"\x00") {
			pids = append(pids, filepath.Base(filepath.Dir(f)))
		}
	}
	return pids
}

func resident(t *testing.T, pid int) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

// wantGone waits for the process to be reaped: this process started it.
func wantGone(t *testing.T, pid int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !errors.Is(syscall.Kill(pid, 0), unix.ESRCH) {
		select {
		case <-ctx.Done():
			t.Fatalf("process %d is still there", pid)
		case <-tick.C:
		}
	}
}
