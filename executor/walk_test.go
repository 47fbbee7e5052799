package executor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

var errBad = errors.New("bad")

// dag is a random plan with what its steps will do.
type dag struct {
	plan *planner.Plan
	bad  map[string]bool // objects whose step fails
}

func randomDAG(r *rand.Rand) dag {
	d := dag{plan: &planner.Plan{Stack: "s"}, bad: map[string]bool{}}
	for i := range r.IntN(20) {
		s := planner.Step{
			ID: planner.StepID(fmt.Sprintf("s%02d", i)), Object: fmt.Sprintf("s%02d", i),
			Op:  []planner.Op{planner.OpStart, planner.OpStop, planner.OpWait, planner.OpRemove}[r.IntN(4)],
			Ref: planner.Ref{Kind: planner.KindContainer, Name: "s", Index: i + 1},
		}
		for _, before := range d.plan.Steps {
			switch {
			case r.IntN(5) == 0:
				s.Needs = append(s.Needs, before.ID)
			case r.IntN(25) == 0:
				s.Rescue = append(s.Rescue, before.ID)
			}
		}
		d.bad[s.Object] = r.IntN(6) == 0
		d.plan.Steps = append(d.plan.Steps, s)
	}
	return d
}

// slowEngine takes time for each call, fails where the dag says so, and
// counts calls that are under way.
type slowEngine struct {
	Engine
	bad  map[string]bool
	mu   sync.Mutex
	now  int
	most int
}

func (e *slowEngine) call(ctx context.Context, id string, waits bool) error {
	if !waits {
		e.count(1)
		defer e.count(-1)
	}
	select {
	case <-time.After(time.Duration(1+len(id)*int(id[len(id)-1])%7) * time.Second):
	case <-ctx.Done():
		return ctx.Err()
	}
	if e.bad[id] {
		return errBad
	}
	return nil
}

func (e *slowEngine) count(by int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now += by
	e.most = max(e.most, e.now)
}

func (e *slowEngine) Start(ctx context.Context, id string) error { return e.call(ctx, id, false) }

func (e *slowEngine) Remove(ctx context.Context, id string) error { return e.call(ctx, id, false) }

func (e *slowEngine) Stop(ctx context.Context, id string, _ time.Duration) error {
	return e.call(ctx, id, true)
}

func (e *slowEngine) Wait(ctx context.Context, id string, _ spec.Condition) error {
	return e.call(ctx, id, true)
}

// recorder keeps events in the order in which they came.
type recorder struct {
	mu     sync.Mutex
	events []event.Event
}

func (r *recorder) Emit(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// TestRunKeepsLaws walks random plans with failures and cancels.
func TestRunKeepsLaws(t *testing.T) {
	for seed := range uint64(3000) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			d := randomDAG(r)
			engine, rec := &slowEngine{bad: d.bad}, &recorder{}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			var ended time.Time // zero: the run is not cut short
			if r.IntN(3) == 0 {
				after := time.Duration(r.IntN(20))*time.Second + time.Millisecond
				ended = time.Now().Add(after)
				stop := time.AfterFunc(after, func() { cancel(errors.New("interrupt")) })
				defer stop.Stop()
			}
			x := Executor{Engine: engine, Events: rec, Parallel: 1 + r.IntN(4)}
			report, err := x.Run(ctx, d.plan)
			if engine.most > x.Parallel {
				t.Errorf("seed %d: %d calls at a time, want at most %d", seed, engine.most, x.Parallel)
			}
			if (err != nil) != (report.Failed > 0 || slices.Contains(outcomes(report), NotBegun)) {
				t.Errorf("seed %d: error %v with %v", seed, err, report.Outcomes)
			}
			checkOutcomes(t, seed, d, report, !ended.IsZero())
			checkEvents(t, seed, d, report, rec.events, ended)
		})
		if t.Failed() {
			return
		}
	}
}

func outcomes(r *Report) (out []Outcome) {
	for _, o := range r.Outcomes {
		out = append(out, o)
	}
	return out
}

// checkOutcomes compares the report with the rules, step by step.
func checkOutcomes(t *testing.T, seed uint64, d dag, r *Report, cut bool) {
	t.Helper()
	is := func(ids []planner.StepID, o ...Outcome) (all, some bool) {
		all = true
		for _, id := range ids {
			in := slices.Contains(o, r.Outcomes[id])
			all, some = all && in, some || in
		}
		return all, some
	}
	for _, s := range d.plan.Steps {
		allDone, _ := is(s.Needs, Done)
		_, below := is(s.Needs, Failed, Skipped)
		_, lost := is(s.Rescue, Failed, Skipped, NotBegun)
		var may []Outcome
		switch {
		case len(s.Rescue) > 0 && (!allDone || !lost):
			may = []Outcome{Skipped}
		case len(s.Rescue) == 0 && below:
			may = []Outcome{Skipped}
		case len(s.Rescue) == 0 && !allDone:
			may = []Outcome{NotBegun}
		case d.bad[s.Object]:
			may = []Outcome{Failed}
		default:
			may = []Outcome{Done}
		}
		if cut && allDone && len(s.Rescue) == 0 {
			may = append(may, Failed, NotBegun)
		}
		if got := r.Outcomes[s.ID]; !slices.Contains(may, got) {
			t.Errorf("seed %d: %s is %s, want one of %s", seed, s.ID, got, may)
		}
	}
}

// checkEvents: a step's events are in order and say what the report says, no
// step begins before the end of what it needs, nor after the end of the run.
func checkEvents(t *testing.T, seed uint64, d dag, r *Report, events []event.Event, ended time.Time) {
	t.Helper()
	last := map[planner.StepID]event.Phase{}
	steps := map[planner.StepID]planner.Step{}
	for _, s := range d.plan.Steps {
		steps[s.ID] = s
	}
	for _, e := range events {
		s := steps[e.Step]
		switch e.Phase {
		case event.Started:
			for _, id := range s.Needs {
				if last[id] != event.Done {
					t.Errorf("seed %d: %s began before %s was done", seed, e.Step, id)
				}
			}
			if len(s.Rescue) == 0 && !ended.IsZero() && e.Time.After(ended) {
				t.Errorf("seed %d: %s began after the end", seed, e.Step)
			}
		case event.Done, event.Failed:
			if last[e.Step] != event.Started {
				t.Errorf("seed %d: %s is %s after %q", seed, e.Step, e.Phase, last[e.Step])
			}
		case event.Skipped, event.Progress:
		}
		last[e.Step] = e.Phase
	}
	want := map[Outcome]event.Phase{Done: event.Done, Failed: event.Failed, Skipped: event.Skipped, NotBegun: event.Skipped}
	for id, o := range r.Outcomes {
		silent := o == Skipped && len(steps[id].Rescue) > 0
		if !silent && last[id] != want[o] || silent && last[id] != "" {
			t.Errorf("seed %d: %s is %s, last event %q", seed, id, o, last[id])
		}
	}
}
