package executor_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/enginetest"
	"stackup.dev/stackup/planner"
)

// TestRunConvergesAfterAnyFault lets each call of a first up, of a change and
// of a down fail or hang until the run is cut short, with and without its
// effect. One more run must always be enough, and a change that fails must
// leave every service running, save where the old one's own stop failed.
func TestRunConvergesAfterAnyFault(t *testing.T) {
	methods := []string{"Pull", "CreateNetwork", "CreateVolume", "Create", "Start", "Wait", "Stop", "Remove", "RemoveNetwork"}
	for _, method := range methods {
		for nth := 1; nth <= 4; nth++ {
			for _, kind := range []string{"fail", "fail late", "hang", "hang late"} {
				synctest.Test(t, func(t *testing.T) {
					fault := faulty{method, nth, kind}
					fault.firstUp(t)
					fault.change(t)
					fault.down(t)
				})
			}
		}
	}
}

// faulty is one call that goes wrong.
type faulty struct {
	method string
	nth    int
	kind   string
}

func (x faulty) String() string { return fmt.Sprintf("%s of %s no. %d", x.kind, x.method, x.nth) }

// put scripts the fault for the nth call from now on.
func (x faulty) put(f *enginetest.Fake) {
	n := x.nth
	for _, c := range f.Calls() {
		if c.Method == x.method {
			n++
		}
	}
	switch x.kind {
	case "fail":
		f.Fail(x.method, n, errors.New("bad"))
	case "fail late":
		f.FailLate(x.method, n, errors.New("bad"))
	default:
		f.Hang(x.method, n, x.kind == "hang late")
	}
}

// strike runs a plan with the fault in it.
func (x faulty) strike(t *testing.T, f *enginetest.Fake, p *planner.Plan) {
	t.Helper()
	x.put(f)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	y := executor.Executor{Engine: f}
	// The fault may lie beyond the last call, so that an error is not certain.
	_, _ = y.Run(ctx, p)
}

func (x faulty) firstUp(t *testing.T) {
	t.Helper()
	f, s := fake(), shop("info")
	x.strike(t, f, plan(t, f, s, planner.Options{}))
	run(t, f, s, planner.Options{})
	if p := plan(t, f, s, planner.Options{}); !p.Empty() {
		t.Errorf("%s: first up: left to do:\n%s", x, p)
	}
}

func (x faulty) change(t *testing.T) {
	t.Helper()
	f, s := fake(), shop("debug")
	run(t, f, shop("info"), planner.Options{})
	x.strike(t, f, plan(t, f, s, planner.Options{}))
	if n := len(running(t, f, s)); n != 3 && x.method != "Stop" {
		t.Errorf("%s: change: %d containers run, want 3", x, n)
	}
	run(t, f, s, planner.Options{})
	if p := plan(t, f, s, planner.Options{}); !p.Empty() {
		t.Errorf("%s: change: left to do:\n%s", x, p)
	}
}

func (x faulty) down(t *testing.T) {
	t.Helper()
	f, s := fake(), shop("info")
	run(t, f, s, planner.Options{})
	x.strike(t, f, plan(t, f, s, planner.Options{Down: true}))
	run(t, f, s, planner.Options{Down: true})
	state, err := f.Observe(t.Context(), s)
	if err != nil || len(state.Containers)+len(state.Networks) > 0 {
		t.Errorf("%s: down: left: %+v, %v", x, state, err)
	}
}
