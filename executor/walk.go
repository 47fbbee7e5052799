package executor

import (
	"context"
	"sync"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
)

// walk is one run of one plan.
type walk struct {
	x     Executor
	plan  *planner.Plan
	nodes []*node
	byID  map[planner.StepID]*node
	gate  *gate
}

// node is a step with how it ended. outcome, err and root are written before
// done is closed and read only after: that is all the locking there is.
type node struct {
	step    planner.Step
	rank    int // of those that wait for a slot the lowest goes first
	outcome Outcome
	err     error
	root    planner.StepID // Skipped: the failed step that it is below
	done    chan struct{}
}

// newWalk ranks steps as they stand in the plan, starts and removals last: all
// addresses, names and ports are then known when the first container comes up,
// and are published once; and all processes are told to end before the
// first is cleared away.
func newWalk(x Executor, p *planner.Plan) *walk {
	w := &walk{x: x, plan: p, byID: map[planner.StepID]*node{}, gate: newGate(x.Parallel)}
	for i, s := range p.Steps {
		n := &node{step: s, rank: i, done: make(chan struct{})}
		if s.Op == planner.OpStart || s.Op == planner.OpRemove {
			n.rank += len(p.Steps)
		}
		w.nodes = append(w.nodes, n)
		w.byID[s.ID] = n
	}
	return w
}

func (w *walk) run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, n := range w.nodes {
		wg.Go(func() {
			defer close(n.done)
			w.settle(ctx, n)
		})
	}
	wg.Wait()
}

// settle waits for all that n refers to and brings n to its end.
func (w *walk) settle(ctx context.Context, n *node) {
	needs := w.await(n.step.Needs)
	saves := w.await(n.step.Rescue)
	w.await(n.step.After)
	switch {
	case len(n.step.Rescue) > 0:
		w.rescue(ctx, n, allDone(needs) && !allDone(saves))
	case allDone(needs):
		w.begin(ctx, n)
	default:
		w.skip(ctx, n, needs)
	}
}

func (w *walk) await(ids []planner.StepID) []*node {
	nodes := make([]*node, len(ids))
	for i, id := range ids {
		nodes[i] = w.byID[id]
		<-nodes[i].done
	}
	return nodes
}

func allDone(nodes []*node) bool {
	for _, n := range nodes {
		if n.outcome != Done {
			return false
		}
	}
	return true
}

// skip ends n below a failure, or as never begun if nothing failed.
func (w *walk) skip(ctx context.Context, n *node, needs []*node) {
	for _, need := range needs {
		switch need.outcome {
		case Failed:
			n.root = need.step.ID
		case Skipped:
			n.root = need.root
		case Done, NotBegun:
			continue
		}
		n.outcome = Skipped
		w.emit(n, event.Event{Phase: event.Skipped, Text: string(n.root) + " failed"})
		return
	}
	w.notBegun(ctx, n)
}

func (w *walk) notBegun(ctx context.Context, n *node) {
	n.outcome = NotBegun
	w.emit(n, event.Event{Phase: event.Skipped, Text: "not begun: " + context.Cause(ctx).Error()})
}

// rescue runs n if it is called for, whatever became of ctx.
func (w *walk) rescue(ctx context.Context, n *node, called bool) {
	if !called {
		n.outcome = Skipped
		return
	}
	if w.gate.enter(context.WithoutCancel(ctx), n.rank) {
		defer w.gate.leave()
	}
	ctx, cancel := w.detached(ctx, n.step.Grace)
	defer cancel()
	w.carryOut(ctx, n)
}

// begin runs n once there is a slot for it, unless ctx ends first. What mostly
// waits takes no slot.
func (w *walk) begin(ctx context.Context, n *node) {
	waits := n.step.Op == planner.OpWait || n.step.Op == planner.OpStop || n.step.Op == planner.OpHook
	if !waits && w.gate.enter(ctx, n.rank) {
		defer w.gate.leave()
	}
	if ctx.Err() != nil {
		w.notBegun(ctx, n)
		return
	}
	w.carryOut(ctx, n)
}
