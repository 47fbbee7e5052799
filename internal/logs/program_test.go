package logs_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"stackup.dev/stackup/internal/logs"
	"stackup.dev/stackup/internal/statedir"
)

var logger string // path of the built program

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "stackup-logger-test")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	logger = filepath.Join(dir, "stackup-logger")
	if out, err := exec.Command("go", "build", "-o", logger, "./stackup-logger").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("build stackup-logger: %v\n%s", err, out))
	}
	return m.Run()
}

func newDirs(t *testing.T) statedir.Dirs {
	t.Helper()
	d, err := statedir.New(filepath.Join(t.TempDir(), "root"), filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

type process struct {
	*exec.Cmd
	ended  chan struct{}
	stderr bytes.Buffer
}

// startLogger runs the program until the test ends.
func startLogger(t *testing.T, d statedir.Dirs, args ...string) *process {
	t.Helper()
	p := &process{ended: make(chan struct{})}
	p.Cmd = exec.Command(logger, append([]string{"--root", d.Root, "--state", d.State}, args...)...)
	p.Stderr = &p.stderr
	p.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // as in real life
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	_ = p.Process.Kill()
	<-p.ended
}

// terminate asks politely and fails the test if that takes long.
func (p *process) terminate(t *testing.T) {
	t.Helper()
	_ = p.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		t.Fatal("logger still runs 5 s after SIGTERM")
	}
	if p.ProcessState.ExitCode() != 0 {
		t.Fatalf("logger: %v\n%s", p.ProcessState, p.stderr.String())
	}
}

// container is the writing side that the shim has of a container's output.
type container struct {
	id       string
	out, err *os.File
	src      logs.Source
}

func newContainer(t *testing.T, d statedir.Dirs, id string, c logs.Config) *container {
	t.Helper()
	stdout, stderr, hold, err := logs.Prepare(d, id, c)
	if err != nil {
		t.Fatal(err)
	}
	x := &container{id: id, src: logs.Source{ID: id, Name: id, Dir: filepath.Join(d.Logs(), id)}}
	x.out, x.err = openShimSide(t, stdout), openShimSide(t, stderr)
	if err := hold.Close(); err != nil {
		t.Fatal(err)
	}
	return x
}

// openShimSide opens as the shim does: it holds both ends.
func openShimSide(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// eventually polls until ok, for at most 5 s.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		if ok() {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	t.Fatalf("not within 5 s: %s", what)
}

// texts reads all records of a source as "stream tag text".
func texts(t *testing.T, s logs.Source) (all []string) {
	t.Helper()
	err := logs.Read(t.Context(), []logs.Source{s}, logs.Options{Tail: -1}, func(_ logs.Source, r logs.Record) error {
		tag := "F"
		if r.Partial {
			tag = "P"
		}
		all = append(all, fmt.Sprintf("%s %s %s", r.Stream, tag, r.Text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// flood writes numbered lines until ctx ends and returns how many, and the
// longest time that one write took.
func flood(ctx context.Context, f *os.File) (lines int, worst time.Duration, err error) {
	for ctx.Err() == nil {
		var b bytes.Buffer
		for range 50 {
			fmt.Fprintf(&b, "line %d of a container that has much to say and says it\n", lines)
			lines++
		}
		begin := time.Now()
		if _, err := f.Write(b.Bytes()); err != nil {
			return lines, worst, err
		}
		worst = max(worst, time.Since(begin))
	}
	return lines, worst, nil
}

// numbers checks that the log holds lines 0 to n-1, once each and in order.
func checkNumbers(t *testing.T, s logs.Source, n int) {
	t.Helper()
	want := 0
	err := logs.Read(t.Context(), []logs.Source{s}, logs.Options{Tail: -1}, func(_ logs.Source, r logs.Record) error {
		f := strings.Fields(string(r.Text))
		if r.Partial || len(f) < 2 || f[1] != strconv.Itoa(want) {
			return fmt.Errorf("record %q (partial %t), want line %d", r.Text, r.Partial, want)
		}
		want++
		return nil
	})
	if err != nil || want != n {
		t.Fatalf("read %d of %d lines: %v", want, n, err)
	}
}

func size(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if st, err := e.Info(); err == nil {
			bytes += st.Size()
		}
	}
	return bytes
}

// memory gives a field of smaps_rollup in KiB.
func memory(t *testing.T, pid int, fields ...string) (kib int) {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("no smaps_rollup in this kernel")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		for _, name := range fields {
			if rest, ok := strings.CutPrefix(sc.Text(), name+":"); ok {
				n, err := strconv.Atoi(strings.Fields(rest)[0])
				if err != nil {
					t.Fatal(err)
				}
				kib += n
			}
		}
	}
	return kib
}
