package supervisor

import (
	"testing"
	"time"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/spec"
)

// endsAfter is when the supervisor ended by itself; it must have by limit.
func endsAfter(t *testing.T, ended <-chan struct{}, limit time.Duration) time.Duration {
	t.Helper()
	begin := time.Now()
	select {
	case <-ended:
	case <-time.After(limit):
		t.Errorf("it still works after %v", limit)
	}
	return time.Since(begin)
}

func TestEndsWithoutWork(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ended, stop := w.run(true)
		defer stop()
		if took := endsAfter(t, ended, time.Hour); took < firstIdle || took > firstIdle+time.Second {
			t.Errorf("ended after %v", took)
		}
	})
}

func TestEndsSoonAfterTheLastContainer(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.add("web", spec.RestartNo, probed("check"))
		ended, stop := w.run(true)
		defer stop()
		wait(10 * time.Minute)
		select {
		case <-ended:
			t.Fatal("it left a container alone")
		default:
		}
		w.remove("web")
		if took := endsAfter(t, ended, time.Hour); took > lastIdle+100*ms {
			t.Errorf("ended after %v", took)
		}
	})
}

// TestStaysForTheNextStack: one stack follows the other without a gap.
func TestStaysForTheNextStack(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.add("a", spec.RestartNo, nil)
		ended, stop := w.run(true)
		defer stop()
		wait(time.Minute)
		w.remove("a")
		wait(lastIdle / 2)
		w.add("b", spec.RestartNo, nil)
		wait(10 * time.Minute)
		select {
		case <-ended:
			t.Error("it left a container alone")
		default:
		}
	})
}

func TestEngineLossAndReturn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.add("web", spec.RestartAlways, probed("check"))
		_, stop := w.run(true)
		defer stop()
		wait(time.Second)
		w.lose()
		w.change("web", ended(1)) // nobody is told
		wait(5 * time.Second)
		w.back()
		wait(time.Second)
		if got := w.triesOf("web"); len(got) != 1 || !got[0].Did {
			t.Errorf("tried %+v", got)
		}
		before := w.probes("check")
		wait(2 * time.Second)
		if w.probes("check") == before {
			t.Error("no probes after the return")
		}
	})
}

func TestEngineGoneForGood(t *testing.T) {
	for name, needed := range map[string]bool{"needed": true, "not needed": false} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.add("web", spec.RestartAlways, nil)
				done, stop := w.run(needed)
				defer stop()
				w.lose()
				wait(10 * time.Minute)
				select {
				case <-done:
					if needed {
						t.Error("it ended though containers may exist")
					}
				default:
					if !needed {
						t.Error("it waits for an engine that nobody needs")
					}
				}
			})
		})
	}
}

// TestEventsWithoutPause: a stream of events that never pauses does not keep
// it from looking.
func TestEventsWithoutPause(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.add("noisy", spec.RestartNo, nil)
		_, stop := w.run(true)
		defer stop()
		w.add("web", spec.RestartNo, probed("check"))
		for range 300 {
			w.change("noisy", func(*inspect.Container) {})
			wait(settle / 2)
		}
		if n := w.probes("check"); n != 2 {
			t.Errorf("%d probes in three seconds", n)
		}
		if w.lists > 200 {
			t.Errorf("%d listings for 300 events", w.lists)
		}
	})
}
