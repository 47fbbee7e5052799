package supervisor

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/health"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// probed gives a container a probe once a second.
func probed(argv ...string) func(*inspect.Container) {
	return func(c *inspect.Container) {
		c.Probe = &spec.Healthcheck{Test: append([]string{"CMD"}, argv...), Interval: spec.Duration(time.Second), Retries: 3}
	}
}

// healthOf is what is published of a container.
func (w *world) healthOf(id string) health.Health {
	w.t.Helper()
	st, err := health.ReadFile(w.dirs, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return st.Health
}

func TestProbesFollowTheRun(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.add("web", spec.RestartNo, probed("check"))
		w.add("plain", spec.RestartNo, nil)
		_, stop := w.run(true)
		defer stop()
		wait(3500 * ms)
		if n := w.probes("check"); n != 3 || w.healthOf("web") != health.Healthy {
			t.Errorf("%d probes, %s", n, w.healthOf("web"))
		}
		w.exit("web", 0)
		wait(time.Minute)
		if n := w.probes("check"); n != 3 {
			t.Errorf("%d probes of what has ended", n-3)
		}
		w.exec = func(p inspect.Process) int {
			_, _ = io.WriteString(p.Stdout, "no answer")
			return 1
		}
		w.change("web", func(c *inspect.Container) { // a command starts it again
			probed("check")(c)
			c.Task, c.StartedAt = "running", time.Now().UTC()
		})
		wait(2500 * ms)
		if n := w.probes("check"); n != 5 || w.healthOf("web") != health.Starting {
			t.Errorf("%d probes, %s: an earlier run's health counts", n, w.healthOf("web"))
		}
		wait(time.Second)
		st, err := health.ReadFile(w.dirs, "web")
		if err != nil || st.Health != health.Unhealthy || st.Results[2].Output != "no answer" {
			t.Errorf("%+v, %v", st, err)
		}
	})
}

// TestProbesGoOnWhereAnotherLeft: a supervisor that takes over goes on from
// what was published of this run, and from nothing of an earlier one.
func TestProbesGoOnWhereAnotherLeft(t *testing.T) {
	for name, tt := range map[string]struct {
		before time.Duration // how long before this run the published one began
		want   health.Health
	}{
		"same run":    {0, health.Unhealthy},
		"earlier run": {time.Hour, health.Starting},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.exec = func(inspect.Process) int { return 1 }
				w.add("web", spec.RestartNo, probed("check"))
				st := health.NewStatus(w.boxes["web"].StartedAt.Add(-tt.before))
				st.Health, st.Streak = health.Healthy, 2
				if err := health.WriteFile(w.dirs, "web", st); err != nil {
					t.Fatal(err)
				}
				_, stop := w.run(true)
				defer stop()
				wait(1500 * ms)
				if got := w.healthOf("web"); got != tt.want {
					t.Errorf("%s after one failure, want %s", got, tt.want)
				}
			})
		})
	}
}

// TestUpdateChangesTheProbe: a healthcheck is a live field.
func TestUpdateChangesTheProbe(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.add("web", spec.RestartNo, probed("old"))
		_, stop := w.run(true)
		defer stop()
		wait(1500 * ms)
		w.change("web", probed("new"))
		wait(2500 * ms)
		if w.probes("old") != 1 || w.probes("new") != 2 {
			t.Errorf("old %d times, new %d times", w.probes("old"), w.probes("new"))
		}
		w.change("web", func(c *inspect.Container) { c.Probe = nil })
		wait(time.Minute)
		if n := w.probes("new"); n != 2 {
			t.Errorf("%d probes after it was taken away", n-2)
		}
	})
}

// TestPublishKeepsTo: nothing is written over a later run's health, or into
// the folder of a container that is gone.
func TestPublishKeepsTo(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := &Supervisor{Dirs: w.dirs, Log: slog.New(slog.DiscardHandler)}
		now := time.Now().UTC()
		w.add("web", spec.RestartNo, nil)
		if err := health.WriteFile(w.dirs, "web", health.NewStatus(now)); err != nil {
			t.Fatal(err)
		}
		old, same := health.NewStatus(now.Add(-time.Second)), health.NewStatus(now)
		old.Health, same.Health = health.Unhealthy, health.Healthy
		for _, st := range []health.Status{same, old} {
			if err := s.publish(t.Context(), "web", st); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.healthOf("web"); got != health.Healthy {
			t.Errorf("published %s", got)
		}
		if err := s.publish(t.Context(), "gone", same); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(w.dirs.Container("gone")); err == nil {
			t.Error("the folder of a removed container is back")
		}
	})
}

func TestCommand(t *testing.T) {
	tests := []struct{ name, test, want string }{
		{"none given", "", ""},
		{"switched off", "NONE", ""},
		{"exec form", "CMD curl -f", "curl -f"},
		{"shell form", "CMD-SHELL true", "/bin/sh -c true"},
		{"bare", "curl -f", "curl -f"},
		{"exec form of nothing", "CMD", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, strings.Join(command(strings.Fields(tt.test)), " ")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCappedKeepsTheBeginning(t *testing.T) {
	var c capped
	for _, part := range []string{"begin ", strings.Repeat("x", health.MaxOutput), "end"} {
		if n, err := c.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("%d of %d bytes: %v", n, len(part), err)
		}
	}
	got := []byte(c.String())
	if len(got) != health.MaxOutput || !strings.HasPrefix(string(got), "begin x") || slices.Contains(got, 'd') {
		t.Errorf("kept %d bytes", len(got))
	}
}

// TestPausedIsNotProbed: a probe of a frozen container would hang, and count as
// a failure.
func TestPausedIsNotProbed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.add("web", spec.RestartNo, func(c *inspect.Container) {
			c.Task = planner.TaskPaused
			c.Probe = &spec.Healthcheck{Test: []string{"CMD", "probe"}, Interval: spec.Duration(time.Second)}
		})
		_, stop := w.run(true)
		defer stop()
		wait(time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		if n := len(w.argvs["probe"]); n > 0 {
			t.Errorf("%d probes", n)
		}
	})
}

// TestUnhealthyStartsAgain: once for each time that it becomes so, and only where
// that is asked for.
func TestUnhealthyStartsAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.exec = func(inspect.Process) int { return 1 }
		for id, on := range map[string]bool{"asked": true, "not": false} {
			w.add(id, spec.RestartNo, func(c *inspect.Container) {
				c.Service.Restart.Unhealthy = on
				c.Probe = &spec.Healthcheck{Test: []string{"CMD", "probe"}, Interval: spec.Duration(time.Second), Retries: 2}
			})
		}
		_, stop := w.run(true)
		defer stop()
		wait(10 * time.Second)
		if a, b := len(w.triesOf("recycle asked")), len(w.triesOf("recycle not")); a != 1 || b != 0 {
			t.Errorf("started again: asked %d times, the other %d times", a, b)
		}
	})
}

// TestProbesTakeTurns: few processes are started for probes at once, however many
// probes are due, and what waits for its turn is not what takes too long.
func TestProbesTakeTurns(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		atOnce := probeStarts * runtime.NumCPU()
		var mu sync.Mutex
		starting, most := 0, 0
		count := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			starting += n
			most = max(most, starting)
		}
		w.exec = func(p inspect.Process) int {
			count(1)
			time.Sleep(100 * ms)
			count(-1)
			p.Started()
			time.Sleep(500 * ms)
			return 0
		}
		var ids []string
		for i := range 10 * atOnce {
			ids = append(ids, fmt.Sprint("web", i))
			w.add(ids[i], spec.RestartNo, func(c *inspect.Container) {
				probed("check")(c)
				c.Probe.Timeout = spec.Duration(700 * ms)
			})
		}
		_, stop := w.run(true)
		defer stop()
		wait(4 * time.Second)
		for _, id := range ids {
			if h := w.healthOf(id); h != health.Healthy {
				t.Errorf("%s is %s", id, h)
			}
		}
		if most != atOnce {
			t.Errorf("%d were started at once, want %d", most, atOnce)
		}
	})
}
