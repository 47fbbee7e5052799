package ui

import (
	"slices"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
)

// Without is p, which hears of steps of some kinds only that they failed.
func Without(p Progress, ops ...planner.Op) Progress { return without{p, ops} }

type without struct {
	Progress
	ops []planner.Op
}

// Emit passes on what is to be shown.
func (w without) Emit(e event.Event) {
	if e.Phase == event.Failed || !slices.Contains(w.ops, e.Op) {
		w.Progress.Emit(e)
	}
}
