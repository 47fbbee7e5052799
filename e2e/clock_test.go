//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"stackup.dev/stackup/internal/dev/slowness"
)

// Deadlines of this package are in the machine's own speed. Two things stretch them:
// how long a program takes to start here and now, and stalls, in which the machine
// gives this process no time at all.

// slow is how many times longer than usual programs take here: at least 1.
// E2E_SLOWNESS says so if it is set; otherwise it is measured once.
var slow = sync.OnceValue(func() float64 {
	if s, err := strconv.ParseFloat(os.Getenv("E2E_SLOWNESS"), 64); err == nil {
		return max(1, s)
	}
	s, err := new(slowness.Gauge).Measure(stackup)
	if err != nil {
		panic(err)
	}
	return s
})

// allow returns the limit that a duration of a quiet machine becomes on this one.
func allow(d time.Duration) time.Duration { return time.Duration(float64(d) * slow()) }

// mostStretch is the largest that stackup makes of a limit of its own (docs/engines.md).
const mostStretch = 15

// stretch watches how long stackup's own limits become here (docs/engines.md): as many
// times longer as there are processes for each processor, 15 times at most. It gives the
// largest since it was made, since the load may have gone down when a command has ended.
type stretch struct {
	mu   sync.Mutex
	most float64
}

func watchStretch(t *testing.T) *stretch {
	t.Helper()
	s := new(stretch)
	s.of(0)
	go func() {
		for t.Context().Err() == nil {
			time.Sleep(time.Second)
			s.of(0)
		}
	}()
	return s
}

// of returns what a limit of stackup's has become at most until now.
func (s *stretch) of(limit time.Duration) time.Duration {
	var load float64
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		_, _ = fmt.Sscan(string(b), &load) // without it there is no stretch
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most = max(s.most, min(max(load/float64(runtime.NumCPU()), 1), mostStretch))
	return time.Duration(float64(limit) * s.most)
}

// deadline is a moment in the time that this process is given.
type deadline time.Duration

// within returns the deadline that is d from now, d being a duration of a quiet machine.
func within(d time.Duration) deadline { return deadline(slowness.Given() + allow(d)) }

func (d deadline) passed() bool { return slowness.Given() > time.Duration(d) }

// errOverdue is the cause that a context of deadline.context ends with.
var errOverdue = errors.New("the deadline has passed")

// context returns a context that ends with errOverdue when the deadline passes.
func (d deadline) context() (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(context.Background())
	go func() {
		for !d.passed() {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Duration(d) - slowness.Given() + time.Millisecond):
			}
		}
		end(errOverdue)
	}()
	return ctx, func() { end(context.Canceled) }
}

// command returns a program that is killed, and fails the test, if it lasts longer
// than limit, a duration of a quiet machine. The end of the test kills it too.
func command(t *testing.T, limit time.Duration, name string, args ...string) *exec.Cmd {
	ctx, cancel := within(limit).context()
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, name, args...)
	c.Cancel = func() error {
		if errors.Is(context.Cause(ctx), errOverdue) {
			t.Errorf("%v has not ended within %s, and is killed", c.Args, allow(limit))
		}
		return c.Process.Kill()
	}
	c.WaitDelay = 2 * time.Second
	return c
}

// stop sends a program a signal and waits for its end. One that does not end within
// 20 seconds of a quiet machine is killed, and fails the test.
func stop(t *testing.T, c *exec.Cmd, sig os.Signal) {
	t.Helper()
	_ = c.Process.Signal(sig)
	ended := make(chan struct{})
	go func() { defer close(ended); _ = c.Wait() }()
	ctx, cancel := within(20 * time.Second).context()
	defer cancel()
	select {
	case <-ended:
	case <-ctx.Done():
		t.Errorf("%v has not ended after %s, and is killed", c.Args, sig)
		_ = c.Process.Kill()
		<-ended
	}
}
