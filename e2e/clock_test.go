//go:build e2e

package e2e

import (
	"os"
	"strconv"
	"sync"
	"sync/atomic"
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

// received is the time that this process has been given since its start, in
// nanoseconds. A stall counts as one tick.
var received atomic.Int64

// countReceived adds to received for as long as the process lives.
func countReceived() {
	const tick = 10 * time.Millisecond
	last := time.Now()
	for {
		time.Sleep(tick)
		now := time.Now()
		received.Add(int64(min(now.Sub(last), 5*tick)))
		last = now
	}
}

// deadline is a moment in the time that this process is given.
type deadline int64

// within returns the deadline that is d from now, d being a duration of a quiet machine.
func within(d time.Duration) deadline { return deadline(received.Load() + int64(allow(d))) }

func (d deadline) passed() bool { return received.Load() > int64(d) }
