// Package busy gives limits the time that a busy machine needs. A limit in seconds is
// chosen for a machine that has a processor for whoever wants to run. Where ten
// processes want each processor, all takes ten times as long, and nothing hangs.
package busy

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"
)

// maxStretch bounds how much longer a limit becomes.
const maxStretch = 15

// stall is how late a timer is when the machine has given this process nothing.
const stall = 100 * time.Millisecond

// Load returns how many processes have lately wanted to run or waited for a disk, as a
// mean over about a minute: the first field of /proc/loadavg. It is 0 where that cannot
// be read. Tests may replace it.
var Load = func() float64 {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	var load float64
	if _, err := fmt.Sscan(string(b), &load); err != nil {
		return 0
	}
	return load
}

// Stretch returns how long a limit is on this machine now: as many times longer as
// there are processes for each processor, 1 at least and 15 at most.
func Stretch(limit time.Duration) time.Duration {
	perProcessor := Load() / float64(runtime.NumCPU())
	return time.Duration(float64(limit) * min(max(perProcessor, 1), maxStretch))
}

// looks is how often at least a limit is worked out anew while it passes: a load that
// goes down makes it shorter again.
const looks = 8

// WithTimeout returns a context that ends with cause when a stretched limit has passed,
// as the load is by then.
// After a stall of the machine, in which this process noticed the limit late, it waits
// once more for as long as that was. The context has no deadline that others could see.
func WithTimeout(parent context.Context, limit time.Duration, cause error) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(parent)
	w := &wait{limit: limit, left: limit, began: time.Now(), over: func() { end(cause) }}
	w.armed = w.began
	w.mu.Lock()
	w.timer = time.AfterFunc(limit, w.look)
	w.mu.Unlock()
	return ctx, func() {
		w.timer.Stop()
		end(context.Canceled)
	}
}

// wait is a wait for a limit.
type wait struct {
	mu     sync.Mutex // of what follows: look may come before AfterFunc returns
	timer  *time.Timer
	limit  time.Duration
	began  time.Time
	armed  time.Time     // when the timer was set
	left   time.Duration // what it was set to
	spared time.Time     // it does not end before, after a stall
	over   func()
}

// look ends the wait, or sets the timer again if the limit has become longer.
func (w *wait) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	late := now.Sub(w.armed) - w.left
	if late > stall {
		w.spared = now.Add(min(late, w.limit))
	}
	left := max(Stretch(w.limit)-now.Sub(w.began), w.spared.Sub(now))
	if left <= 0 {
		w.over()
		return
	}
	w.armed, w.left = now, min(left, w.limit/looks)
	w.timer.Reset(w.left)
}
