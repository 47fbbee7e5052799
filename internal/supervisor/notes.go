package supervisor

import (
	"context"
	"log/slog"
	"time"

	"stackup.dev/stackup/internal/chronicle"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/planner"
)

// Noter writes into the record of what has happened.
type Noter interface {
	Note(ctx context.Context, id, action string, at time.Time, more map[string]string)
	NoteEnd(ctx context.Context, id string, code int, at time.Time, noMemory bool)
	// RanOutOfMemory reports whether the kernel has ended a process of a container for
	// lack of memory, also where no event has told of it.
	RanOutOfMemory(id string) bool
}

// lateEvent is how long after an end the event may come that says what it was for.
const lateEvent = 10 * time.Second

// ends are what is known of containers' ends. Run alone uses it.
type ends struct {
	noted    map[string]time.Time // when each last ended, of those that are in the record
	noMemory map[string]bool      // whose end will be for lack of memory
	found    map[string]time.Time // when a lack of memory was found at an end, with no event
}

// begin takes over what earlier supervisors have noted.
func (n *ends) begin(b chronicle.Book, log *slog.Logger) {
	var err error
	if n.noted, err = b.Ends(); err != nil {
		log.Warn("the record of what has happened", "err", err)
	}
	n.noMemory, n.found = map[string]bool{}, map[string]time.Time{}
}

// keep forgets containers that are gone.
func (n *ends) keep(alive map[string]bool) {
	for id := range n.noted {
		if !alive[id] {
			delete(n.noted, id)
		}
	}
	for id := range n.noMemory {
		if !alive[id] {
			delete(n.noMemory, id)
		}
	}
	for id := range n.found {
		if !alive[id] {
			delete(n.found, id)
		}
	}
}

// noteOutOfMemory notes a lack of memory, unless that was found already at the end that
// it led to.
func (s *Supervisor) noteOutOfMemory(ctx context.Context, id string) {
	if at, found := s.ends.found[id]; found && time.Since(at) < lateEvent {
		delete(s.ends.found, id)
		return
	}
	s.ends.noMemory[id] = true
	s.Engine.Note(ctx, id, "oom", time.Now(), nil)
}

func (s *Supervisor) noteEnd(ctx context.Context, x inspect.Exit) {
	if !x.At.After(s.ends.noted[x.ID]) {
		return
	}
	if !s.ends.noMemory[x.ID] && s.Engine.RanOutOfMemory(x.ID) { // nobody listened, or its event comes after this one
		s.noteOutOfMemory(ctx, x.ID)
		s.ends.found[x.ID] = time.Now()
	}
	s.Engine.NoteEnd(ctx, x.ID, x.Code, x.At, s.ends.noMemory[x.ID])
	s.ends.noted[x.ID] = x.At
	delete(s.ends.noMemory, x.ID)
}

// noteEarlier notes the end of a container that ended while nobody was looking, or
// while the engine was away: that is kept though its task is gone.
func (s *Supervisor) noteEarlier(ctx context.Context, c inspect.Container) {
	if (c.Task == planner.TaskStopped || c.Task == planner.TaskNone) && !c.ExitedAt.IsZero() {
		s.noteEnd(ctx, inspect.Exit{ID: c.ID, Code: c.ExitCode, At: c.ExitedAt})
	}
}
