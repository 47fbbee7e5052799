// Package supervisor is what outlives the command: it probes health and
// starts containers again as their restart policies say. It keeps nothing
// that it could not read again from containerd: killing it at any moment
// stops no container and loses nothing.
package supervisor

import (
	"context"
	"log/slog"
	"runtime"
	"time"

	"golang.org/x/sync/semaphore"

	"stackup.dev/stackup/internal/chronicle"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/planner"
)

// Engine is what the supervisor asks of containerd.
type Engine interface {
	List(ctx context.Context, stack string) ([]inspect.Container, error)
	Inspect(ctx context.Context, id string) (_ inspect.Container, found bool, err error)
	Restart(ctx context.Context, id string, seen, next restart.Count) (did bool, err error)
	// Recycle stops a container that runs and starts it again, as Restart does
	// one that has ended.
	Recycle(ctx context.Context, id string, seen, next restart.Count) (did bool, err error)
	// InspectSettled looks at a container while nobody starts or stops it.
	InspectSettled(ctx context.Context, id string) (c inspect.Container, found bool, err error)
	// KeepExit keeps how a container has ended that stays so: an engine that
	// starts knows nothing of tasks that had ended before.
	KeepExit(ctx context.Context, id string) error
	// AwaitOrphan waits for the end of a container while the engine is away, and
	// keeps how it ended.
	AwaitOrphan(ctx context.Context, stack, id string) error
	Exec(ctx context.Context, id string, p inspect.Process) (code int, err error)
	Watch(ctx context.Context) (<-chan any, <-chan error)
	Noter
}

// Endpoints are the network sides of containers. Whoever is silent is found by
// name by nobody.
type Endpoints interface {
	Silent() (map[string]bool, error) // of all that are up
	SetSilent(ctx context.Context, id string, silent bool) error
}

const (
	settle    = 20 * time.Millisecond // events gather at least this long before containers are listed again
	share     = 20                    // listing takes at most one part in so many of the time
	reconnect = 200 * time.Millisecond
	resync    = 30 * time.Second      // a safety net below the events
	longest   = 50 * time.Millisecond // what counts of a look: a slow engine shall not keep probes waiting
	firstIdle = 3 * time.Second       // how long it waits for its first container
	lastIdle  = time.Second           // and how long it stays after the last one
)

// Supervisor looks after all containers of one engine.
type Supervisor struct {
	Engine Engine
	// Endpoints are told who answers by name; nil for nobody to tell.
	Endpoints Endpoints
	Log       *slog.Logger
	Dirs      statedir.Dirs
	// Stay keeps it at work even with nothing to look after.
	Stay bool
	// Needed says whether containers may exist though the engine does not answer.
	Needed func() bool

	seen     bool                // there has been a container
	probes   jobs                // health probes, by container
	starts   *semaphore.Weighted // of processes for probes
	restarts jobs                // restarts that are due, by container
	silences jobs                // names that are being taken or given back, by container
	forwards jobs                // what is sent on of their output, by container
	orphans  jobs                // who waits for ends while the engine is away, by container
	running  map[string]string   // stacks of the containers that ran at the last look, by container
	ends     ends
}

// all are the jobs of every kind.
func (s *Supervisor) all() []*jobs {
	return []*jobs{&s.probes, &s.restarts, &s.silences, &s.forwards, &s.orphans}
}

// Run works until ctx ends or nothing is left to look after.
func (s *Supervisor) Run(ctx context.Context) error {
	s.starts = semaphore.NewWeighted(int64(probeStarts * runtime.NumCPU()))
	for _, j := range s.all() {
		j.init(ctx)
		defer j.stopAll()
	}
	s.ends.begin(chronicle.Book{Path: s.Dirs.Events()}, s.Log)
	idle := time.Now().Add(firstIdle)
	for ctx.Err() == nil {
		done, err := s.follow(ctx, &idle)
		if done {
			return nil
		}
		if err != nil {
			s.Log.Warn("engine", "err", err)
			s.awaitOrphans()
		}
		if err != nil && !s.Stay && !s.Needed() && (s.seen || time.Now().After(idle)) {
			return nil
		}
		pause(ctx, reconnect)
	}
	return nil
}

// follow listens to the engine until it goes away, or until there has been
// nothing to do for long enough: then done is true.
func (s *Supervisor) follow(ctx context.Context, idle *time.Time) (done bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events, errs := s.Engine.Watch(ctx)
	if err := s.sync(ctx, idle); err != nil {
		return false, err
	}
	look := time.NewTimer(time.Second)
	defer look.Stop()
	due := false           // an event has asked for a look
	var last time.Time     // end of the last look
	var took time.Duration // by that look
	for {
		select {
		case <-ctx.Done():
			return false, nil
		case err := <-errs:
			return false, err
		case e := <-events:
			s.notice(ctx, e)
			if !due { // not later for every further event: they may never pause
				look.Reset(max(settle, share*took-time.Since(last)))
				due = true
			}
		case <-look.C:
			due = false
			begin := time.Now()
			if err := s.sync(ctx, idle); err != nil {
				return false, err
			}
			last, took = time.Now(), min(time.Since(begin), longest)
			left := time.Until(*idle)
			if left <= 0 && !s.Stay && s.restarts.none() && s.probes.none() && s.forwards.none() {
				return true, nil
			}
			look.Reset(min(max(left, settle), resync))
		}
	}
}

// notice acts on an exit at once; everything else waits for the next sync.
// A restart that is due is for an earlier exit: the job for this one takes its
// place, also where the former has just started what has now ended.
func (s *Supervisor) notice(ctx context.Context, e any) {
	switch x := e.(type) {
	case inspect.Exit:
		s.probes.stop(x.ID)
		s.restarts.stop(x.ID)
		s.bringBack(x.ID, x.Code)
		s.noteEnd(ctx, x)
	case inspect.OutOfMemory:
		s.noteOutOfMemory(ctx, x.ID)
	}
}

// sync sets probes and restarts right by what the engine has now.
func (s *Supervisor) sync(ctx context.Context, idle *time.Time) error {
	all, err := s.Engine.List(ctx, "")
	if err != nil {
		return err
	}
	if len(all) > 0 {
		*idle = time.Now().Add(2 * resync)
	} else if last := time.Now().Add(lastIdle); s.seen && idle.After(last) {
		*idle = last
	}
	s.seen = s.seen || len(all) > 0
	s.orphans.stopAll() // the engine is back
	alive := map[string]bool{}
	s.running = map[string]string{}
	for _, c := range all {
		alive[c.ID] = true
		if c.Task == planner.TaskRunning {
			s.running[c.ID] = c.Stack
		}
		s.noteEarlier(ctx, c)
		s.setRight(c)
		s.forward(c)
	}
	s.ends.keep(alive)
	s.probes.keep(alive)
	s.restarts.keep(alive)
	s.silences.keep(alive)
	s.hush(all)
	return nil
}

// awaitOrphans looks after what ran when the engine went away. Its shims know how
// it ends, as long as no engine has asked them.
func (s *Supervisor) awaitOrphans() {
	for id, stack := range s.running {
		s.orphans.start(id, "", func(ctx context.Context) {
			if err := s.Engine.AwaitOrphan(ctx, stack, id); err != nil && ctx.Err() == nil {
				s.Log.Debug("an end may be missed", "id", id, "err", err)
			}
		})
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
