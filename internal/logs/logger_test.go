package logs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/dev/slowness"
	"stackup.dev/stackup/internal/logs"
	"stackup.dev/stackup/internal/twin"
)

func TestLoggerKeepsStreamsAndPrompts(t *testing.T) {
	t.Parallel()
	d := newDirs(t)
	p := startLogger(t, d)
	c := newContainer(t, d, "web", logs.Config{})
	long := strings.Repeat("x", 20<<10)
	fmt.Fprintf(c.out, "hello\n%s\n", long)
	eventually(t, "stdout", func() bool { return len(texts(t, c.src)) == 3 })
	fmt.Fprint(c.err, "password: ")
	eventually(t, "the prompt", func() bool { return len(texts(t, c.src)) == 4 })
	fmt.Fprint(c.err, "\n")
	eventually(t, "the end of the prompt's line", func() bool { return len(texts(t, c.src)) == 5 })
	want := []string{
		"stdout F hello", "stdout P " + long[:logs.MaxText], "stdout F " + long[logs.MaxText:],
		"stderr P password: ", "stderr F ",
	}
	if diff := cmp.Diff(want, texts(t, c.src)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	p.terminate(t)
}

// A folder that went with its last container, and came back with the next, is
// watched as the first was: file events tell of it, not the regular look.
func TestCollectorSeesTheNextFolder(t *testing.T) {
	t.Parallel()
	d := newDirs(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- (&logs.Collector{Dirs: d, Look: time.Hour, Log: quiet()}).Run(ctx) }()
	eventually(t, "the folder of the collector", func() bool { _, err := os.Stat(d.IO()); return err == nil })
	for round := range 5 {
		c := newContainer(t, d, "job", logs.Config{})
		fmt.Fprintf(c.out, "round %d\n", round)
		want := fmt.Sprintf("stdout F round %d", round)
		eventually(t, want, func() bool { return slices.Equal(texts(t, c.src), []string{want}) })
		if err := errors.Join(c.out.Close(), c.err.Close(), logs.Remove(d, "job"), os.Remove(d.IO())); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A killed logger blocks nobody for longer than it is away, loses nothing
// and repeats nothing.
func TestLoggerKilledUnderFlood(t *testing.T) {
	t.Parallel()
	d := newDirs(t)
	p := startLogger(t, d)
	c := newContainer(t, d, "web", logs.Config{MaxSize: 1 << 30})
	ctx, stop := context.WithCancel(t.Context())
	type result struct {
		lines int
		worst time.Duration
		err   error
	}
	done := make(chan result, 1)
	go func() {
		n, worst, err := flood(ctx, c.out)
		done <- result{n, worst, err}
	}()
	const away = 100 * time.Millisecond
	for range 8 {
		before := size(t, c.src.Dir)
		eventually(t, "the log grows", func() bool { return size(t, c.src.Dir) > before+(1<<20) })
		p.kill()
		<-time.After(away)
		p = startLogger(t, d)
	}
	stop()
	r := <-done
	if r.err != nil || r.worst > away+2*time.Second {
		t.Fatalf("a write took %v: %v", r.worst, r.err)
	}
	last := fmt.Sprintf("line %d ", r.lines-1)
	eventually(t, "the last line", func() bool {
		all := tailTexts(t, c.src, 1)
		return len(all) == 1 && strings.HasPrefix(all[0], last)
	})
	checkNumbers(t, c.src, r.lines)
	t.Logf("%d lines, longest write %v", r.lines, r.worst)
}

func tailTexts(t *testing.T, s logs.Source, n int) (all []string) {
	t.Helper()
	err := logs.Read(t.Context(), []logs.Source{s}, logs.Options{Tail: n}, func(_ logs.Source, r logs.Record) error {
		all = append(all, string(r.Text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A line that waits in the FIFO of a dead logger is not confused with the same
// line stored before.
func TestLoggerKilledWhileIdleKeepsEqualLines(t *testing.T) {
	t.Parallel()
	d := newDirs(t)
	c := newContainer(t, d, "web", logs.Config{})
	for n := 1; n <= 4; n++ {
		p := startLogger(t, d)
		fmt.Fprint(c.out, "tick\n")
		eventually(t, "the line", func() bool { return len(texts(t, c.src)) == 2*n-1 })
		p.kill()
		fmt.Fprint(c.out, "tick\n")
		p = startLogger(t, d)
		eventually(t, "the line of the dead time", func() bool { return len(texts(t, c.src)) == 2*n })
		p.terminate(t)
	}
}

// R04 in small: on disk bounded, the neighbour quick, and the tail readable.
func TestLoggerFlood(t *testing.T) {
	t.Parallel()
	d := newDirs(t)
	startLogger(t, d)
	const maxSize, total = 10 << 20, 200 << 20
	loud, calm := newContainer(t, d, "loud", logs.Config{MaxSize: maxSize}), newContainer(t, d, "calm", logs.Config{})
	fmt.Fprint(calm.out, "ready\n")
	eventually(t, "the logger is up", func() bool { return len(texts(t, calm.src)) == 1 })
	block := bytes.Repeat([]byte("a line of sixty-four bytes, as is usual with many programs.....\n"), 1024)
	begin := time.Now()
	errs := make(chan error, 1)
	go func() {
		for n := 0; n < total; n += len(block) {
			if _, err := loud.out.Write(block); err != nil {
				errs <- err
				return
			}
		}
		errs <- nil
	}()
	var worst time.Duration
	for i := 2; ; i++ {
		at := slowness.Given()
		fmt.Fprintf(calm.out, "still here %d\n", i)
		eventually(t, "the neighbour's line", func() bool { return len(tailTexts(t, calm.src, 1)) == 1 && len(texts(t, calm.src)) == i })
		worst = max(worst, slowness.Given()-at)
		at = slowness.Given()
		if n := len(tailTexts(t, loud.src, 100)); n > 100 || slowness.Given()-at > time.Second {
			t.Fatalf("tail of 100 gave %d lines in %v", n, slowness.Given()-at)
		}
		if n := size(t, loud.src.Dir); n > 3*maxSize {
			t.Fatalf("%d bytes on disk", n)
		}
		select {
		case err := <-errs:
			if err != nil {
				t.Fatal(err)
			}
			took := time.Since(begin)
			t.Logf("%.0f MB/s, neighbour's worst %v", float64(total)/1e6/took.Seconds(), worst)
			if worst > 2*time.Second {
				t.Errorf("the neighbour waited %v", worst)
			}
			return
		default:
		}
	}
}

// A stopped logger is killed and replaced by whoever watches it.
func TestTwinReplacesStoppedLogger(t *testing.T) {
	t.Parallel()
	d := newDirs(t)
	p := startLogger(t, d)
	c := newContainer(t, d, "web", logs.Config{})
	fmt.Fprint(c.out, "one\n")
	eventually(t, "the first line", func() bool { return len(texts(t, c.src)) == 1 })
	if err := p.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is stopped", func() bool { h, ok := twin.Find(d, twin.Logger); return ok && h.Stopped() })
	at := time.Now()
	fmt.Fprint(c.out, "two\n")
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		w := twin.Watcher{Dirs: d, Name: twin.Logger, Log: quiet(), Respawn: func() error { startLogger(t, d); return nil }}
		w.Run(ctx)
	}()
	eventually(t, "the second line", func() bool { return len(texts(t, c.src)) == 2 })
	cancel()
	<-watched
	eventually(t, "the stopped one is gone", func() bool {
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
	t.Logf("replaced in %v", time.Since(at))
}

// The logger starts a missing supervisor, and only while it is needed.
func TestLoggerStartsSupervisor(t *testing.T) {
	t.Parallel()
	d := newDirs(t)
	witness := filepath.Join(t.TempDir(), "started")
	argv, err := json.Marshal([]string{"/bin/sh", "-c", "echo >>" + witness})
	if err != nil {
		t.Fatal(err)
	}
	startLogger(t, d, "--supervisor-cmd", string(argv))
	eventually(t, "the logger has its lock", func() bool { _, ok := twin.Find(d, twin.Logger); return ok })
	if _, err := os.Stat(witness); err == nil {
		t.Fatal("supervisor started without any container")
	}
	newContainer(t, d, "web", logs.Config{})
	eventually(t, "the supervisor is started", func() bool { _, err := os.Stat(witness); return err == nil })
}

func TestLoggerIsSingleAndIdles(t *testing.T) {
	t.Parallel()
	d := newDirs(t)
	first := startLogger(t, d, "--idle-exit", "300ms")
	eventually(t, "the lock", func() bool { _, ok := twin.Find(d, twin.Logger); return ok })
	c := newContainer(t, d, "web", logs.Config{})
	out, err := exec.Command(logger, "--root", d.Root, "--state", d.State).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Fatalf("second logger: %v %q, want silence", err, out)
	}
	select {
	case <-first.ended: // the second waited a second for the lock
		t.Fatal("logger ended although there is a container")
	default:
	}
	fmt.Fprint(c.out, "last words") // no newline
	if err := logs.Remove(d, "web"); err != nil {
		t.Fatal(err)
	}
	<-first.ended
	if first.ProcessState.ExitCode() != 0 || first.stderr.Len() > 0 {
		t.Errorf("idle exit: %v %q", first.ProcessState, first.stderr.String())
	}
	for _, dir := range []string{d.IO(), d.Logs(), filepath.Join(d.State, "locks")} {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left in %s: %v %v", dir, left, err)
		}
	}
}

func TestLoggerMemory(t *testing.T) {
	t.Parallel()
	d := newDirs(t)
	p := startLogger(t, d)
	have := 0
	for _, want := range []int{10, 50} {
		for ; have < want; have++ {
			c := newContainer(t, d, fmt.Sprintf("c%d", have), logs.Config{})
			fmt.Fprint(c.out, "hello\n")
			eventually(t, "its line", func() bool { return len(texts(t, c.src)) == 1 })
		}
		<-time.After(2500 * time.Millisecond) // until it has given back what it needs no more
		rss, private := memory(t, p.Process.Pid, "Rss"), memory(t, p.Process.Pid, "Private_Clean", "Private_Dirty")
		t.Logf("%d containers: %d KiB resident, %d KiB private", want, rss, private)
		if private > 20<<10 {
			t.Errorf("%d KiB private memory with %d idle containers", private, want)
		}
	}
}

// A full disk drops lines, blocks nobody, and is told about afterwards.
func TestLoggerFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to mount a small file system")
	}
	d := newDirs(t)
	if err := os.MkdirAll(d.Logs(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", d.Logs(), "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(d.Logs(), syscall.MNT_DETACH) })
	p := startLogger(t, d)
	c := newContainer(t, d, "web", logs.Config{})
	const lines = 100000
	for i := range lines {
		begin := slowness.Given()
		fmt.Fprintf(c.out, "line %d on a disk that is too small for it\n", i)
		if took := slowness.Given() - begin; took > time.Second {
			t.Fatalf("write %d took %v", i, took)
		}
	}
	eventually(t, "all is drained", func() bool {
		n, err := unix.IoctlGetInt(int(c.out.Fd()), unix.TIOCINQ)
		return err == nil && n == 0
	})
	stored := texts(t, c.src)
	if len(stored) == 0 || len(stored) > 2000 {
		t.Fatalf("%d lines stored on 64 KiB", len(stored))
	}
	// Space comes back: cut the file as an administrator in need does.
	if err := os.Truncate(filepath.Join(c.src.Dir, "log"), 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the marker", func() bool {
		all := texts(t, c.src)
		return len(all) > 0 && strings.HasPrefix(all[len(all)-1], "stderr F stackup: ") &&
			strings.HasSuffix(all[len(all)-1], " log lines lost: no space left on device")
	})
	fmt.Fprint(c.out, "back again\n")
	eventually(t, "a line after it", func() bool {
		all := texts(t, c.src)
		return all[len(all)-1] == "stdout F back again"
	})
	p.terminate(t)
	t.Log(texts(t, c.src)[0])
}
