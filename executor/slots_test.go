package executor

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// hourly waits for an hour and starts in no time.
type hourly struct{ Engine }

func (hourly) Wait(context.Context, string, spec.Condition) error {
	time.Sleep(time.Hour) // in a bubble: no time passes
	return nil
}

func (hourly) Start(context.Context, string) error { return nil }

// TestRunGivesWaitsNoSlot: any number of waits go on at once, and hold up
// nothing else.
func TestRunGivesWaitsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &planner.Plan{}
		for i := range 20 {
			p.Steps = append(p.Steps, planner.Step{ID: planner.StepID(fmt.Sprint(i)), Op: planner.OpWait})
		}
		p.Steps = append(p.Steps, planner.Step{ID: "start", Op: planner.OpStart})
		x, began := Executor{Engine: hourly{}, Parallel: 1}, time.Now()
		if _, err := x.Run(t.Context(), p); err != nil || time.Since(began) != time.Hour {
			t.Errorf("%v after %s, want an hour", err, time.Since(began))
		}
	})
}
