package supervisor

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

const ms = time.Millisecond

// TestCrashLoopBacksOff: each exit here comes before the call that started
// the process has returned, and none of them is missed.
func TestCrashLoopBacksOff(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.add("web", spec.RestartAlways, ended(1))
		w.started = func(id string) {
			w.exit(id, 1)
			time.Sleep(50 * ms)
		}
		_, stop := w.run(true)
		defer stop()
		wait(2 * time.Second)
		want := []try{
			{100 * ms, restart.Count{Total: 1, Quick: 1, Exit: 1}, true},
			{300 * ms, restart.Count{Total: 2, Quick: 2, Exit: 1}, true},
			{700 * ms, restart.Count{Total: 3, Quick: 3, Exit: 1}, true},
			{1500 * ms, restart.Count{Total: 4, Quick: 4, Exit: 1}, true},
		}
		if diff := cmp.Diff(want, w.triesOf("web")); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestPolicies(t *testing.T) {
	stopped := func(c *inspect.Container) { c.Desired = labels.DesiredStopped }
	limit := func(c *inspect.Container) { c.Service.Restart.MaxRetries, c.Restarts.Total = 2, 2 }
	tests := []struct {
		name   string
		policy spec.RestartPolicy
		code   int
		change func(*inspect.Container)
		want   bool
	}{
		{"no", spec.RestartNo, 1, nil, false},
		{"always", spec.RestartAlways, 0, nil, true},
		{"always, stopped by hand", spec.RestartAlways, 1, stopped, false},
		{"unless-stopped", spec.RestartUnlessStopped, 0, nil, true},
		{"unless-stopped, stopped by hand", spec.RestartUnlessStopped, 137, stopped, false},
		{"on-failure after a failure", spec.RestartOnFailure, 1, nil, true},
		{"on-failure after success", spec.RestartOnFailure, 0, nil, false},
		{"on-failure, limit reached", spec.RestartOnFailure, 1, limit, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.add("web", tt.policy, tt.change)
				_, stop := w.run(true)
				defer stop()
				w.exit("web", tt.code)
				wait(5 * time.Minute) // several resyncs
				if got := len(w.triesOf("web")) == 1; got != tt.want {
					t.Errorf("tried %+v, want a restart: %t", w.triesOf("web"), tt.want)
				}
			})
		})
	}
}

// Intent: a container whose processes the engine has lost is brought back as its
// policy says, as one that has failed.
func TestLostProcessesAreReplaced(t *testing.T) {
	for policy, want := range map[spec.RestartPolicy]bool{spec.RestartNo: false, spec.RestartAlways: true, spec.RestartOnFailure: true} {
		inWorld(t, func(t *testing.T, w *world) {
			w.add("web", policy, func(c *inspect.Container) { c.Task = planner.TaskOrphaned })
			_, stop := w.run(true)
			defer stop()
			wait(5 * time.Minute)
			if got := len(w.triesOf("web")) == 1; got != want {
				t.Errorf("%s: tried %+v", policy, w.triesOf("web"))
			}
		})
	}
}

// TestFailedStartBacksOff: also where the engine has not counted the attempt.
func TestFailedStartBacksOff(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.add("web", spec.RestartAlways, func(c *inspect.Container) { c.StartedAt = time.Now().Add(-time.Second) })
		w.fail = 3
		_, stop := w.run(true)
		defer stop()
		w.exit("web", 1)
		wait(time.Minute)
		want := []try{
			{100 * ms, restart.Count{Total: 1, Quick: 1, Exit: 1}, false},
			{300 * ms, restart.Count{Total: 2, Quick: 2, Exit: 1}, false},
			{700 * ms, restart.Count{Total: 3, Quick: 3, Exit: 1}, false},
			{1500 * ms, restart.Count{Total: 4, Quick: 4, Exit: 1}, true},
		}
		if diff := cmp.Diff(want, w.triesOf("web")); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestStoppedByHandWhileARestartIsDue(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.add("web", spec.RestartAlways, nil)
		_, stop := w.run(true)
		defer stop()
		w.exit("web", 1)
		wait(50 * ms)
		w.change("web", func(c *inspect.Container) { c.Desired = labels.DesiredStopped })
		wait(5 * time.Minute)
		for _, x := range w.triesOf("web") {
			if x.Did {
				t.Errorf("restarted: %+v", x)
			}
		}
	})
}

// TestStartByHandEndsTheBackOff: the delay that was due for an earlier exit
// does not hold the next one up.
func TestStartByHandEndsTheBackOff(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.add("web", spec.RestartAlways, func(c *inspect.Container) {
			c.StartedAt, c.Restarts = time.Now(), restart.Count{Total: 20, Quick: 20}
		})
		_, stop := w.run(true)
		defer stop()
		w.exit("web", 1)
		wait(5 * time.Second)
		w.change("web", func(c *inspect.Container) {
			c.Task, c.StartedAt, c.ExitedAt, c.Restarts = planner.TaskRunning, time.Now(), time.Time{}, restart.Count{}
		})
		wait(5 * time.Second)
		w.exit("web", 1)
		wait(2 * time.Minute)
		want := []try{{10*time.Second + 100*ms, restart.Count{Total: 1, Quick: 1, Exit: 1}, true}}
		if diff := cmp.Diff(want, w.triesOf("web")); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// TestLateExit: an exit that is told after somebody has started the container
// again changes nothing.
func TestLateExit(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.add("web", spec.RestartAlways, nil)
		_, stop := w.run(true)
		defer stop()
		w.mu.Lock()
		w.tell(inspect.Exit{ID: "web", Code: 1, At: time.Now()})
		w.mu.Unlock()
		wait(time.Minute)
		if got := w.triesOf("web"); len(got) > 0 {
			t.Errorf("tried %+v", got)
		}
	})
}

// TestLostTask: a task that vanished with its shim counts as a failure, unless its
// end was kept; one that nobody has started yet is somebody else's business.
func TestLostTask(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.add("lost", spec.RestartOnFailure, func(c *inspect.Container) { c.Task = planner.TaskNone })
		w.add("new", spec.RestartAlways, func(c *inspect.Container) { c.Task, c.StartedAt = planner.TaskNone, time.Time{} })
		w.add("done", spec.RestartOnFailure, func(c *inspect.Container) {
			c.Task, c.ExitCode, c.ExitedAt = planner.TaskNone, 0, c.StartedAt.Add(-time.Millisecond)
		})
		_, stop := w.run(true)
		defer stop()
		wait(time.Second)
		w.mu.Lock()
		w.tell(inspect.Exit{ID: "done", Code: 137, At: time.Now()}) // by an engine that does not know
		w.mu.Unlock()
		wait(time.Minute)
		if got := w.triesOf("done"); len(got) > 0 {
			t.Errorf("done: %+v", got)
		}
		if !slices.Contains(w.kept, "done") || slices.Contains(w.kept, "lost") {
			t.Errorf("kept %v", w.kept)
		}
		if got := w.triesOf("lost"); len(got) != 1 || !got[0].Did {
			t.Errorf("lost: %+v", got)
		}
		if got := w.triesOf("new"); len(got) > 0 {
			t.Errorf("new: %+v", got)
		}
	})
}

func TestRemovedWhileARestartIsDue(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.add("web", spec.RestartAlways, nil)
		ended, stop := w.run(true)
		defer stop()
		w.exit("web", 1)
		wait(10 * ms)
		w.remove("web")
		wait(2 * time.Second)
		if got := w.triesOf("web"); len(got) > 0 {
			t.Errorf("tried %+v", got)
		}
		select {
		case <-ended:
		default:
			t.Error("the supervisor waits for a container that is gone")
		}
	})
}

// TestComesBackAfterAReboot: what ran before the machine went down waits for
// what it depends on, and only what somebody brings back is waited for.
func TestComesBackAfterAReboot(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		lost := func(c *inspect.Container) { c.Task, c.StartedAt, c.Lost = planner.TaskNone, time.Time{}, true }
		w.add("db", spec.RestartAlways, func(c *inspect.Container) { lost(c); c.Ref.Name, c.Ref.Index = "db", 1 })
		w.add("gone", spec.RestartNo, func(c *inspect.Container) { lost(c); c.Ref.Name, c.Ref.Index = "gone", 1 })
		w.add("web", spec.RestartAlways, func(c *inspect.Container) {
			lost(c)
			c.Ref.Name, c.Ref.Index = "web", 1
			c.Service.DependsOn = []spec.Dependency{{Service: "db", Condition: spec.Healthy}, {Service: "gone", Condition: spec.Started}}
		})
		_, stop := w.run(true)
		defer stop()
		wait(3 * time.Second)
		if len(w.triesOf("db")) != 1 || len(w.triesOf("gone")) != 0 || len(w.triesOf("web")) != 0 {
			t.Errorf("db %v, gone %v, web %v: want db alone", w.triesOf("db"), w.triesOf("gone"), w.triesOf("web"))
		}
		w.mu.Lock()
		w.boxes["db"].Health = planner.HealthHealthy
		w.mu.Unlock()
		wait(time.Second)
		if len(w.triesOf("web")) != 1 {
			t.Errorf("web was not started once db was healthy")
		}
	})
}

// TestOrphans: while the engine is away the ends of what ran are waited for, of
// nothing else, and by nobody once it is back.
func TestOrphans(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.add("web", spec.RestartNo, func(c *inspect.Container) { c.Task = planner.TaskRunning })
		w.add("over", spec.RestartNo, func(c *inspect.Container) { c.Task = planner.TaskStopped })
		_, stop := w.run(true)
		defer stop()
		wait(time.Second)
		w.lose()
		wait(time.Second)
		w.mu.Lock()
		got := slices.Clone(w.orphans)
		w.mu.Unlock()
		if !slices.Equal(got, []string{"web"}) {
			t.Errorf("waited for %v", got)
		}
		w.back()
		wait(time.Second)
	})
}
