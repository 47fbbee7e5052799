package supervisor

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

var errDown = errors.New("the engine is down")

// try is one call of Restart.
type try struct {
	At    time.Duration // since the world began
	Count restart.Count
	Did   bool
}

// world is an engine in memory, which tells what is done to its containers.
type world struct {
	t     *testing.T
	dirs  statedir.Dirs
	begin time.Time

	mu      sync.Mutex
	boxes   map[string]*inspect.Container
	events  chan any
	errs    chan error
	down    bool
	lists   int
	fail    int                        // how many restarts fail from now on
	started func(id string)            // called within Restart, after the start
	exec    func(inspect.Process) int  // a probe; nil for success
	argvs   map[string][]time.Duration // when each probe's first word ran
	tries   map[string][]try           // by container
	notes   []string                   // "ACTION ID", or "die ID CODE", with " oom" behind it
	kept    []string
	orphans []string        // whose exit was to be kept
	starved map[string]bool // whose processes the kernel has ended for lack of memory

	endpoints Endpoints // nil: nobody is told who is silent
}

var _ Engine = (*world)(nil)

// inWorld runs a test in a bubble of fake time.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	dirs := statedir.Dirs{Root: t.TempDir(), State: t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		test(t, &world{
			t: t, dirs: dirs, begin: time.Now(), boxes: map[string]*inspect.Container{},
			argvs: map[string][]time.Duration{}, tries: map[string][]try{},
		})
	})
}

// add puts a container in that began an hour ago and runs.
func (w *world) add(id string, policy spec.RestartPolicy, change func(*inspect.Container)) {
	c := &inspect.Container{
		Container: planner.Container{
			ID: id, Task: planner.TaskRunning, Service: spec.Service{Restart: spec.Restart{Policy: policy}},
		},
		Desired: labels.DesiredRunning, StartedAt: time.Now().Add(-time.Hour).UTC(),
	}
	if change != nil {
		change(c)
	}
	if err := os.MkdirAll(w.dirs.Container(id), 0o700); err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.boxes[id] = c
	w.tell(inspect.Change{ID: id})
}

// change alters a container; its event is told.
func (w *world) change(id string, do func(*inspect.Container)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do(w.boxes[id])
	w.tell(inspect.Change{ID: id})
}

// exit ends the process of a container.
func (w *world) exit(id string, code int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ended(code)(w.boxes[id])
	w.tell(inspect.Exit{ID: id, Code: code, At: w.boxes[id].ExitedAt})
}

// ended is a container whose process has just ended.
func ended(code int) func(*inspect.Container) {
	return func(c *inspect.Container) {
		c.Task, c.ExitCode, c.ExitedAt = planner.TaskStopped, code, time.Now()
	}
}

// remove takes a container away.
func (w *world) remove(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.boxes, id)
	w.tell(inspect.Change{ID: id})
}

// tell sends an event to whoever watches. The caller holds mu.
func (w *world) tell(e any) {
	if w.events != nil {
		w.events <- e
	}
}

// lose lets the engine go away; back lets it return.
func (w *world) lose() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = true
	w.errs <- errDown
	w.events, w.errs = nil, nil
}

func (w *world) back() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = false
}

// run lets a supervisor work; needed is what it is told while the engine is
// away. ended is closed when it has ended by itself, or after stop.
func (w *world) run(needed bool) (ended <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	s := &Supervisor{Engine: w, Endpoints: w.endpoints, Dirs: w.dirs, Log: slog.New(slog.DiscardHandler), Needed: func() bool { return needed }}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx); err != nil {
			w.t.Error(err)
		}
	}()
	synctest.Wait()
	return done, func() { cancel(); <-done }
}

// wait lets time pass until everybody is waiting again.
func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) triesOf(id string) []try {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.tries[id])
}

// probes is how often a program was probed with.
func (w *world) probes(argv0 string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.argvs[argv0])
}
