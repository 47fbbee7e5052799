package executor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// carryOut makes the engine call of n. The outcome is recorded before anybody
// hears of it.
func (w *walk) carryOut(ctx context.Context, n *node) {
	log := w.x.Log.With("stack", w.plan.Stack, "step", string(n.step.ID), "id", n.step.Object)
	log.Debug("step begins")
	w.emit(n, event.Event{Phase: event.Started})
	err := w.call(ctx, n)
	if err == nil {
		n.outcome = Done
		log.Debug("step is done")
		w.emit(n, event.Event{Phase: event.Done, Text: word(n.step)})
		return
	}
	err = w.cleanUp(ctx, n.step, because(ctx, err))
	n.outcome = Failed
	n.err = fmt.Errorf("%s %s: %w", n.step.Op, n.step.Ref, err)
	log.Debug("step failed", "err", err)
	w.emit(n, event.Event{Phase: event.Failed, Err: err.Error()})
}

// word says what a wait has waited for; other steps speak for themselves.
func word(s planner.Step) string {
	switch s.Until {
	case spec.Healthy:
		return "healthy"
	case spec.Completed:
		return "completed"
	case spec.Started:
		return "running"
	default:
		return ""
	}
}

// because puts the cause of ctx's end in the place of a bare "context
// canceled", so that the reader learns why.
func because(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause == nil || errors.Is(err, cause) {
		return err
	}
	if errors.Is(err, ctx.Err()) {
		return fmt.Errorf("interrupted: %w", cause)
	}
	return err
}

// cleanUp removes what an interrupted create may have left.
func (w *walk) cleanUp(ctx context.Context, s planner.Step, err error) error {
	if ctx.Err() == nil || s.Op != planner.OpCreate || s.Ref.Kind != planner.KindContainer {
		return err
	}
	ctx, cancel := w.detached(ctx, 0)
	defer cancel()
	if rmErr := w.x.Engine.Remove(ctx, s.Object); rmErr != nil {
		return errors.Join(err, fmt.Errorf("remove what is left of it: %w", rmErr))
	}
	return err
}

// detached is for what must happen even after the end of ctx.
func (w *walk) detached(ctx context.Context, extra time.Duration) (context.Context, context.CancelFunc) {
	span := w.x.CleanupTimeout + extra
	return context.WithTimeoutCause(context.WithoutCancel(ctx), span, fmt.Errorf("not done within %s", span))
}

func (w *walk) emit(n *node, e event.Event) {
	e.Time, e.Step, e.Op, e.Ref = w.x.Now(), n.step.ID, n.step.Op, n.step.Ref
	w.x.Events.Emit(e)
}

// progress gives a report function that falls silent when stop is called, so
// that nothing is heard of a step after its end.
func (w *walk) progress(n *node) (tell func(event.Event), stop func()) {
	var mu sync.Mutex
	var stopped bool
	tell = func(e event.Event) {
		mu.Lock()
		defer mu.Unlock()
		if !stopped {
			e.Phase = event.Progress
			w.emit(n, e)
		}
	}
	stop = func() {
		mu.Lock()
		defer mu.Unlock()
		stopped = true
	}
	return tell, stop
}
