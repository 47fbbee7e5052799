package supervisor

import (
	"context"
	"sync"
)

// jobs are background tasks, at most one for each container.
type jobs struct {
	mu    sync.Mutex
	ctx   context.Context //nolint:containedctx // the life of all jobs: that of Run
	byID  map[string]*job
	group sync.WaitGroup
}

type job struct {
	key    string // which run of the container it is for
	cancel context.CancelFunc
}

func (j *jobs) init(ctx context.Context) { j.ctx, j.byID = ctx, map[string]*job{} }

// start begins do for a container, unless one with the same key is at it.
func (j *jobs) start(id, key string, do func(context.Context)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if old, ok := j.byID[id]; ok {
		if old.key == key {
			return
		}
		old.cancel()
	}
	ctx, cancel := context.WithCancel(j.ctx)
	mine := &job{key: key, cancel: cancel}
	j.byID[id] = mine
	j.group.Go(func() {
		defer j.end(id, mine)
		do(ctx)
	})
}

func (j *jobs) end(id string, mine *job) {
	j.mu.Lock()
	defer j.mu.Unlock()
	mine.cancel()
	if j.byID[id] == mine {
		delete(j.byID, id)
	}
}

// stop ends the job of a container; it does not wait for it. The next start
// begins a new one at once.
func (j *jobs) stop(id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if old, ok := j.byID[id]; ok {
		old.cancel()
		delete(j.byID, id)
	}
}

// keep stops the jobs of containers that are gone.
func (j *jobs) keep(alive map[string]bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for id, old := range j.byID {
		if !alive[id] {
			old.cancel()
			delete(j.byID, id)
		}
	}
}

// none says that no job is at work.
func (j *jobs) none() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.byID) == 0
}

// stopAll ends all jobs and waits for them.
func (j *jobs) stopAll() {
	j.keep(nil)
	j.group.Wait()
}
