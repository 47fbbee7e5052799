package executor

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
)

// The defaults of an Executor.
const (
	DefaultParallel       = 4
	DefaultCleanupTimeout = 15 * time.Second
)

// Executor carries out plans on an engine. Only Engine is required.
type Executor struct {
	Engine         Engine
	Events         event.Sink   // nil: nobody listens
	Log            *slog.Logger // nil: nothing is logged
	Build          BuildOptions
	Parallel       int              // engine calls at a time, waits and stops apart; 0: DefaultParallel
	CleanupTimeout time.Duration    // for what must still happen after the end of ctx; 0: DefaultCleanupTimeout
	Now            func() time.Time // stamps events; nil: time.Now
}

// Outcome is how a step ended.
type Outcome string

// The outcomes of a step.
const (
	Done     Outcome = "done"
	Failed   Outcome = "failed"
	Skipped  Outcome = "skipped"   // below a failure; or a rescue that was not called for
	NotBegun Outcome = "not-begun" // the run ended first
)

// Report says how each step of a plan ended.
type Report struct {
	Outcomes map[planner.StepID]Outcome
	Done     int // steps that are Done
	Failed   int // steps that are Failed
}

// Run carries out p and returns when nothing of it is under way any more.
//
// A step begins when all it needs is Done. Below a failure steps are Skipped;
// what does not depend on it goes on. When ctx ends no step begins, those
// under way get the ended ctx, and the debris of an interrupted create is
// removed. A rescue step runs even then.
//
// The error joins those of all failed steps, ordered by step, and the cause
// of ctx's end if that kept the plan from being carried out. The Report is
// there in any case, save for a plan that is not in order.
func (x *Executor) Run(ctx context.Context, p *planner.Plan) (*Report, error) {
	if err := valid(p); err != nil {
		return nil, err
	}
	w := newWalk(x.withDefaults(), p)
	w.run(ctx)
	return w.report(), w.err(ctx)
}

func (x *Executor) withDefaults() Executor {
	y := *x
	if y.Events == nil {
		y.Events = event.Discard
	}
	if y.Log == nil {
		y.Log = slog.New(slog.DiscardHandler)
	}
	if y.Parallel <= 0 {
		y.Parallel = DefaultParallel
	}
	if y.CleanupTimeout <= 0 {
		y.CleanupTimeout = DefaultCleanupTimeout
	}
	if y.Now == nil {
		y.Now = time.Now
	}
	return y
}

// valid checks the law of plans: IDs are unique, and a step refers only to
// steps before it. Otherwise the walk would wait for ever.
func valid(p *planner.Plan) error {
	seen := map[planner.StepID]bool{}
	for _, s := range p.Steps {
		if seen[s.ID] {
			return fmt.Errorf("plan of stack %s: step %s is there twice", p.Stack, s.ID)
		}
		for _, ids := range [][]planner.StepID{s.Needs, s.Rescue, s.After} {
			for _, id := range ids {
				if !seen[id] {
					return fmt.Errorf("plan of stack %s: step %s refers to %s, which is not before it", p.Stack, s.ID, id)
				}
			}
		}
		seen[s.ID] = true
	}
	return nil
}
