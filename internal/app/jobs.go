package app

import (
	"context"
	"sync"
)

// jobs keeps one job at a time going for each service; what is asked for
// meanwhile waits, merged into one, and what has failed waits for the next change.
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
		l = &lane{}
		j.lanes[service] = l
	}
	l.waiting = l.waiting.Merge(w)
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
	for {
		j.mu.Lock()
		if l.waiting.Empty() || ctx.Err() != nil {
			l.running = false
			j.mu.Unlock()
			return
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

// wait returns when nothing is under way.
func (j *jobs) wait() { j.wg.Wait() }
