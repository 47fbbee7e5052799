package supervisor

import (
	"slices"
	"testing"
	"time"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// noted is what has been noted since the last time.
func (w *world) noted(t *testing.T, what string, want ...string) {
	t.Helper()
	wait(time.Second)
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.notes, want) {
		t.Errorf("%s: noted %q, want %q", what, w.notes, want)
	}
	w.notes = nil
}

// TestEndsAreNotedOnce: by whichever supervisor is there, also those that nobody
// saw, and none twice.
func TestEndsAreNotedOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for _, id := range []string{"a", "b", "c"} {
			w.add(id, spec.RestartNo, nil)
		}
		_, stop := w.run(true)
		w.exit("a", 3)
		w.noted(t, "an exit", "die a 3")
		w.lose()
		w.change("b", ended(4))
		w.back()
		w.noted(t, "an exit while the engine was away", "die b 4")
		stop()
		w.mu.Lock()
		w.events = nil // nobody listens
		w.mu.Unlock()
		w.exit("c", 5)
		w.noted(t, "an exit without a supervisor")
		_, stop = w.run(true)
		defer stop()
		w.noted(t, "the next supervisor", "die c 5")
		wait(2 * resync)
		w.noted(t, "later")
	})
}

func TestLackOfMemoryIsNoted(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.add("web", spec.RestartNo, nil)
		_, stop := w.run(true)
		defer stop()
		w.mu.Lock()
		w.tell(inspect.OutOfMemory{ID: "web"})
		w.mu.Unlock()
		w.exit("web", 137)
		w.noted(t, "the end", "oom web", "die web 137 oom")
		w.change("web", func(c *inspect.Container) { c.Task, c.ExitedAt = planner.TaskRunning, time.Time{} })
		w.exit("web", 1)
		w.noted(t, "the next end", "die web 1")
	})
}

// TestLackOfMemoryIsFound: an end for lack of memory is noted as such, once, also if the
// event that tells of it came before the supervisor, or comes after the end.
func TestLackOfMemoryIsFound(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.starved = map[string]bool{"early": true, "late": true}
		w.add("early", spec.RestartNo, nil)
		w.add("late", spec.RestartNo, nil)
		w.exit("early", 137)
		_, stop := w.run(true)
		defer stop()
		w.noted(t, "an end before the supervisor", "oom early", "die early 137 oom")
		w.exit("late", 137)
		w.mu.Lock()
		w.tell(inspect.OutOfMemory{ID: "late"})
		w.mu.Unlock()
		w.noted(t, "an event after the end", "oom late", "die late 137 oom")
		w.mu.Lock()
		w.tell(inspect.OutOfMemory{ID: "late"})
		w.mu.Unlock()
		w.noted(t, "another one", "oom late")
	})
}

func TestVerdictsAreNoted(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.exec = func(inspect.Process) int { return 0 }
		w.add("web", spec.RestartNo, probed("check"))
		_, stop := w.run(true)
		defer stop()
		wait(time.Minute)
		w.noted(t, "a success", "health_status: healthy web")
		w.mu.Lock()
		w.exec = func(inspect.Process) int { return 1 }
		w.mu.Unlock()
		wait(10 * time.Minute)
		w.noted(t, "failures", "health_status: unhealthy web")
	})
}
