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
}

// ends are what is known of containers' ends. Run alone uses it.
type ends struct {
	noted    map[string]time.Time // when each last ended, of those that are in the record
	noMemory map[string]bool      // whose end will be for lack of memory
}

// begin takes over what earlier supervisors have noted.
func (n *ends) begin(b chronicle.Book, log *slog.Logger) {
	var err error
	if n.noted, err = b.Ends(); err != nil {
		log.Warn("the record of what has happened", "err", err)
	}
	n.noMemory = map[string]bool{}
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
}

func (s *Supervisor) noteOutOfMemory(ctx context.Context, id string) {
	s.ends.noMemory[id] = true
	s.Engine.Note(ctx, id, "oom", time.Now(), nil)
}

func (s *Supervisor) noteEnd(ctx context.Context, x inspect.Exit) {
	if !x.At.After(s.ends.noted[x.ID]) {
		return
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
