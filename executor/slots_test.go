package executor

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// hourly waits and stops for an hour and starts in no time.
type hourly struct{ Engine }

func (hourly) Wait(context.Context, string, spec.Condition) error {
	time.Sleep(time.Hour) // in a bubble: no time passes
	return nil
}

func (h hourly) Stop(ctx context.Context, id string, _ time.Duration) error {
	return h.Wait(ctx, id, "")
}

func (hourly) Start(context.Context, string) error { return nil }

// TestRunGivesWaitsNoSlot: any number of waits and stops go on at once, and
// hold up nothing else.
func TestRunGivesWaitsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &planner.Plan{}
		for i := range 20 {
			op := []planner.Op{planner.OpWait, planner.OpStop}[i%2]
			p.Steps = append(p.Steps, planner.Step{ID: planner.StepID(fmt.Sprint(i)), Op: op})
		}
		p.Steps = append(p.Steps, planner.Step{ID: "start", Op: planner.OpStart})
		x, began := Executor{Engine: hourly{}, Parallel: 1}, time.Now()
		if _, err := x.Run(t.Context(), p); err != nil || time.Since(began) != time.Hour {
			t.Errorf("%v after %s, want an hour", err, time.Since(began))
		}
	})
}

// listed notes the order of calls.
type listed struct {
	Engine
	calls []string
}

func (l *listed) Create(_ context.Context, c ContainerSpec) error {
	time.Sleep(time.Second) // meanwhile the others queue
	l.calls = append(l.calls, "create "+c.ID)
	return nil
}

func (l *listed) Start(_ context.Context, id string) error {
	l.calls = append(l.calls, "start "+id)
	return nil
}

// TestRunCreatesBeforeItStarts: what can be made is made before anything is
// started, in the order of the plan.
func TestRunCreatesBeforeItStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &planner.Plan{Desired: &spec.Stack{Services: []spec.Service{{Name: "s"}}}}
		for _, id := range []string{"a", "b", "c"} {
			ref := planner.Ref{Kind: planner.KindContainer, Name: "s", Index: 1}
			create := planner.Step{ID: planner.StepID("create/" + id), Op: planner.OpCreate, Ref: ref, Object: id}
			start := planner.Step{ID: planner.StepID("start/" + id), Op: planner.OpStart, Ref: ref, Object: id, Needs: []planner.StepID{create.ID}}
			p.Steps = append(p.Steps, create, start)
		}
		l := &listed{}
		x := Executor{Engine: l, Parallel: 1}
		if _, err := x.Run(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		// All three creates wait for the one slot; which gets it first is chance.
		for i, c := range l.calls {
			if want := i < 3; strings.HasPrefix(c, "create") != want {
				t.Errorf("calls: %v, want the creates first", l.calls)
				break
			}
		}
	})
}
