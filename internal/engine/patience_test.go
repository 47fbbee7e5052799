package engine

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPatienceCountsIdleTime: a busy engine has the long limit, an idle one the short
// one, and a stall of the caller is no time of the engine.
func TestPatienceCountsIdleTime(t *testing.T) {
	for name, c := range map[string]struct {
		step  time.Duration
		busy  func(step int) bool
		steps int // until it is over
		want  string
	}{
		"idle":                 {lookTime, func(int) bool { return false }, 200, "20s"},
		"idle, with stalls":    {time.Hour, func(int) bool { return false }, 100, "20s"},
		"busy":                 {lookTime, func(int) bool { return true }, 3000, "5m0s"},
		"busy one look of ten": {lookTime, func(i int) bool { return i%10 == 0 }, 222, "20s"},
	} {
		t.Run(name, func(t *testing.T) {
			var p patience
			for i := 1; ; i++ {
				err := p.spend(c.step, c.busy(i))
				if (err != nil) != (i == c.steps) || i > c.steps {
					t.Fatalf("after %d looks of %d: %v", i, c.steps, err)
				}
				if err == nil {
					continue
				}
				if !strings.HasSuffix(err.Error(), " within "+c.want) {
					t.Errorf("%v, want %s", err, c.want)
				}
				return
			}
		})
	}
}

// TestWorkOf: a process that computes does something, one that is stopped or that
// only waits does nothing, and none is none.
func TestWorkOf(t *testing.T) {
	start := func(script string) int {
		c := exec.CommandContext(t.Context(), "sh", "-c", script)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
		return c.Process.Pid
	}
	computes, waits := start("while :; do :; done"), start("exec sleep 1000")
	if now := workOf(computes); !now.since(now) || !now.since(work{}) {
		t.Errorf("a process that computes: %+v", now)
	}
	idle(t, waits)
	if err := syscall.Kill(computes, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	idle(t, computes)
	if now := workOf(waits); !now.since(work{pid: computes}) {
		t.Errorf("another process than before has done nothing: %+v", now)
	}
	if now := workOf(0); now.since(work{}) {
		t.Errorf("no process has done something: %+v", now)
	}
}

// idle waits until a process does nothing from one look to the next.
func idle(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		first := workOf(pid)
		if first.pid == pid && !workOf(pid).since(first) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("process %d still does something: %+v", pid, first)
		}
	}
}
