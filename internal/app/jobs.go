package app

import (
	"context"
	"sync"
	"time"
)

// Copies that have failed are tried again after firstPause, and then after twice as
// long each time, up to lastPause.
const (
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// jobs keeps one job at a time going for each service. What is asked for meanwhile
// waits, merged into one. What has failed is tried again with the next change, copies
// also after a pause: they may have failed for a moment only.
type jobs struct {
	// do does work and gives what has failed of it. It ends early, with nothing
	// done, when stale ends.
	do func(ctx, stale context.Context, service string, w Work) (left Work)

	mu    sync.Mutex
	wg    sync.WaitGroup
	lanes map[string]*lane
}

// lane is the work for one service.
type lane struct {
	waiting Work
	failed  Work
	running bool
	stale   context.CancelFunc // of the running job
	more    chan struct{}      // holds one once something waits
}

func newJobs(do func(ctx, stale context.Context, service string, w Work) Work) *jobs {
	return &jobs{do: do, lanes: map[string]*lane{}}
}

// add has work done, with all that has failed before. A build under way that it
// makes stale is given up.
func (j *jobs) add(ctx context.Context, service string, w Work) {
	j.mu.Lock()
	defer j.mu.Unlock()
	l := j.lanes[service]
	if l == nil {
		l = &lane{more: make(chan struct{}, 1)}
		j.lanes[service] = l
	}
	l.waiting = l.waiting.Merge(w)
	select {
	case l.more <- struct{}{}:
	default:
	}
	switch {
	case l.running && w.Rebuild:
		l.stale()
	case !l.running:
		l.running = true
		j.wg.Go(func() { j.run(ctx, service, l) })
	}
}

// run does what there is to do for a service until nothing is.
func (j *jobs) run(ctx context.Context, service string, l *lane) {
	pause := firstPause
	for {
		j.mu.Lock()
		idle, copies := l.waiting.Empty(), len(l.failed.Sync) > 0
		if ctx.Err() != nil || idle && !copies {
			l.running = false
			j.mu.Unlock()
			return
		}
		if idle {
			j.mu.Unlock()
			pause = j.rest(ctx, l, pause)
			continue
		}
		w := l.failed.Merge(l.waiting)
		l.failed, l.waiting = Work{}, Work{}
		stale, cancel := context.WithCancel(ctx)
		l.stale = cancel
		j.mu.Unlock()
		left := j.do(ctx, stale, service, w)
		cancel()
		j.mu.Lock()
		l.failed = left
		j.mu.Unlock()
	}
}

// rest waits until more is to be done, which after the pause is what has failed. It
// returns how long the next pause is.
func (j *jobs) rest(ctx context.Context, l *lane, pause time.Duration) time.Duration {
	select {
	case <-l.more:
		return firstPause
	case <-ctx.Done():
		return pause
	case <-time.After(pause):
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	l.waiting = l.waiting.Merge(Work{Fill: true})
	return min(2*pause, lastPause)
}

// retry has tried again what has failed.
func (j *jobs) retry(ctx context.Context) {
	j.mu.Lock()
	var failed []string
	for service, l := range j.lanes {
		if !l.failed.Empty() {
			failed = append(failed, service)
		}
	}
	j.mu.Unlock()
	for _, service := range failed {
		j.add(ctx, service, Work{Fill: true})
	}
}

// wait returns when nothing is under way and no copy is to be tried again.
func (j *jobs) wait() { j.wg.Wait() }
