package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/procfs"
)

// A start waits in the time in which the engine does nothing: a machine that gives it
// little time, or none, makes no hung engine of one that is well.
const (
	// idleTime is how long the engine may do nothing until it answers.
	idleTime = 20 * time.Second
	// longestStart bounds the start of an engine that does something all the time.
	longestStart = 5 * time.Minute
	// lookTime is the time between two looks at what the engine does.
	lookTime = 100 * time.Millisecond
)

// patience is what is left of the time that a start waits.
type patience struct {
	idle  time.Duration // so far, with nothing done
	total time.Duration // so far
}

// spend adds the time since the last look. A stall, in which this process itself
// did not run, counts as two looks at most.
func (p *patience) spend(passed time.Duration, busy bool) error {
	passed = min(passed, 2*lookTime)
	p.total += passed
	if !busy {
		p.idle += passed
	}
	switch {
	case p.idle >= idleTime:
		return fmt.Errorf("it did not answer within %s", idleTime)
	case p.total >= longestStart:
		return fmt.Errorf("it did not answer within %s", longestStart)
	}
	return nil
}

// whilePatient returns a context that ends with a cause when the start has waited too
// long for the process that waitedFor returns; 0 is none.
func whilePatient(ctx context.Context, waitedFor func() int) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(lookTime)
		defer tick.Stop()
		var p patience
		var last work
		for then := time.Now(); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			seen, now := workOf(waitedFor()), time.Now()
			if err := p.spend(now.Sub(then), seen.since(last)); err != nil {
				end(err)
				return
			}
			last, then = seen, now
		}
	}()
	return ctx, func() { end(context.Canceled) }
}

// work is what is known of a process at one moment.
type work struct {
	pid    int
	used   float64 // seconds of processor time
	active bool    // a thread of it runs, wants to run, or waits for a disk
}

// workOf returns the zero work for no process and for one that has ended.
func workOf(pid int) work {
	threads, err := procfs.AllThreads(pid)
	if pid == 0 || err != nil {
		return work{}
	}
	w := work{pid: pid}
	for _, thread := range threads {
		stat, err := thread.Stat()
		if err != nil {
			continue // it has ended
		}
		w.used += stat.CPUTime()
		w.active = w.active || stat.State == "R" || stat.State == "D"
	}
	return w
}

// since reports whether the process has done something since an earlier look. Another
// process than at that look has.
func (w work) since(earlier work) bool {
	return w.pid != 0 && (w.active || w.pid != earlier.pid || w.used != earlier.used)
}
