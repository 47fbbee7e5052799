package supervisor

import (
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// endpoints are those of containers that are up, in memory.
type endpoints struct {
	mu     sync.Mutex
	silent map[string]bool
	sets   int
}

func (e *endpoints) Silent() (map[string]bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.silent), nil
}

func (e *endpoints) SetSilent(_ context.Context, id string, silent bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sets++
	if _, up := e.silent[id]; up {
		e.silent[id] = silent
	}
	return nil
}

// TestSilence: who has ended or is unhealthy loses its names, and gets them
// back; nothing is done to those that are as they should be.
func TestSilence(t *testing.T) {
	sick := func(c *inspect.Container) { c.Health = planner.HealthUnhealthy }
	starting := func(c *inspect.Container) { c.Health = planner.HealthStarting }
	tests := []struct {
		name   string
		before bool
		change func(*inspect.Container)
		want   bool
		sets   int
	}{
		{"it runs", false, nil, false, 0},
		{"paused", false, func(c *inspect.Container) { c.Task = planner.TaskPaused }, false, 0},
		{"starting", false, starting, false, 0},
		{"unhealthy", false, sick, true, 1},
		{"ended", false, func(c *inspect.Container) { c.Task = planner.TaskStopped }, true, 1},
		{"vanished", false, func(c *inspect.Container) { c.Task = planner.TaskNone }, true, 1},
		{"still unhealthy", true, sick, true, 0},
		{"well again", true, func(c *inspect.Container) { c.Health = planner.HealthHealthy }, false, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				e := &endpoints{silent: map[string]bool{"c": tt.before}}
				w.endpoints = e
				w.add("c", spec.RestartNo, tt.change)
				_, stop := w.run(true)
				wait(time.Second)
				stop()
				if e.silent["c"] != tt.want || e.sets != tt.sets {
					t.Errorf("silent %t after %d changes, want %t after %d", e.silent["c"], e.sets, tt.want, tt.sets)
				}
			})
		})
	}
}

// TestSilenceSparesWhoIsStopped: who is stopped by a command loses its names by
// that, and we stay out of its way.
func TestSilenceSparesWhoIsStopped(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := &endpoints{silent: map[string]bool{"c": false}}
		w.endpoints = e
		w.add("c", spec.RestartNo, nil)
		_, stop := w.run(true)
		defer stop()
		w.exit("c", 0)
		wait(reprieve / 2)
		e.mu.Lock()
		delete(e.silent, "c")
		e.mu.Unlock()
		wait(time.Second)
		if e.sets != 0 {
			t.Errorf("%d changes of one that was stopped", e.sets)
		}
	})
}

// TestSilenceFollowsProbes: a verdict counts at once, not at the next look.
func TestSilenceFollowsProbes(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := &endpoints{silent: map[string]bool{"c": false}}
		w.endpoints = e
		w.exec = func(inspect.Process) int {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.boxes["c"].Health = planner.HealthUnhealthy
			return 1
		}
		w.add("c", spec.RestartNo, func(c *inspect.Container) {
			c.Probe = &spec.Healthcheck{Test: []string{"CMD", "check"}, Interval: spec.Duration(time.Second), Retries: 1}
		})
		_, stop := w.run(true)
		defer stop()
		wait(5 * time.Second)
		if got, _ := e.Silent(); !got["c"] {
			t.Error("an unhealthy container is found by name")
		}
	})
}
