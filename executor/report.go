package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"stackup.dev/stackup/planner"
)

func (w *walk) report() *Report {
	r := &Report{Outcomes: make(map[planner.StepID]Outcome, len(w.nodes))}
	for _, n := range w.nodes {
		r.Outcomes[n.step.ID] = n.outcome
		switch n.outcome {
		case Done:
			r.Done++
		case Failed:
			r.Failed++
		case Skipped, NotBegun:
		}
	}
	return r
}

// err joins what went wrong: first why the run was cut short, then the failed
// steps in the order of their IDs.
func (w *walk) err(ctx context.Context) error {
	var errs []error
	nodes := slices.Clone(w.nodes)
	slices.SortFunc(nodes, func(a, b *node) int { return strings.Compare(string(a.step.ID), string(b.step.ID)) })
	left := 0
	for _, n := range nodes {
		if n.err != nil {
			errs = append(errs, n.err)
		}
		if n.outcome == NotBegun {
			left++
		}
	}
	if left > 0 {
		cut := fmt.Errorf("stopped with %d of %d steps not begun: %w", left, len(nodes), context.Cause(ctx))
		errs = append([]error{cut}, errs...)
	}
	return errors.Join(errs...)
}
