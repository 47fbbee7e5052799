package ctrd

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/inspect"
)

// drainQuiet is how long output may stay quiet after the process has ended
// before what is left open counts as a background process's.
const drainQuiet = 300 * time.Millisecond

// execIO watches the streams of an exec: stdin for its end, which has to be
// told to the shim, and output for whether it still moves.
type execIO struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	eof            chan struct{} // closed once all of stdin is passed on
	moved          atomic.Int64
	writing        atomic.Int64
}

func newExecIO(p inspect.Process) *execIO {
	x := &execIO{stdin: p.Stdin, eof: make(chan struct{})}
	if p.Stdout != nil {
		x.stdout = movingWriter{p.Stdout, x}
	}
	if p.Stderr != nil {
		x.stderr = movingWriter{p.Stderr, x}
	}
	return x
}

// passEOF closes the shim's end of stdin once ours has ended: without that the
// process would wait for more for ever.
func (x *execIO) passEOF(ctx context.Context, proc containerd.Process) {
	select {
	case <-x.eof:
		_ = proc.CloseIO(ctx, containerd.WithStdinCloser) // a process that has ended needs it no more
	case <-ctx.Done():
	}
}

// drain returns when all output is passed on, or when nothing moves any more.
func (x *execIO) drain(ctx context.Context, proc containerd.Process) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		proc.IO().Wait()
	}()
	tick := time.NewTicker(drainQuiet)
	defer tick.Stop()
	for last := int64(-1); ; {
		select {
		case <-done:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := x.moved.Load()
		if now == last && x.writing.Load() == 0 {
			return
		}
		last = now
	}
}

type movingWriter struct {
	io.Writer
	x *execIO
}

func (w movingWriter) Write(p []byte) (int, error) {
	w.x.writing.Add(1)
	defer w.x.writing.Add(-1)
	w.x.moved.Add(1)
	return w.Writer.Write(p)
}

// killTree kills a process and all that descend from it. One that ends
// meanwhile is fine.
func killTree(pid int) {
	children := childrenByParent()
	var kill func(int)
	kill = func(p int) {
		_ = unix.Kill(p, unix.SIGKILL)
		for _, c := range children[p] {
			kill(c)
		}
	}
	if pid > 1 {
		kill(pid)
	}
}

// childrenByParent reads the process table (proc(5), stat: the fields after
// the name are state and parent). Those that have ended do not count.
func childrenByParent() map[int][]int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		text := string(b)
		fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || len(fields) < 2 || fields[0] == "Z" {
			continue
		}
		if parent, err := strconv.Atoi(fields[1]); err == nil {
			children[parent] = append(children[parent], child)
		}
	}
	return children
}
