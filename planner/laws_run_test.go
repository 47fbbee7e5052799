package planner

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

func lawInterrupted(c scenario, mk planFunc) error {
	p, err := mk(c.stack, c.state, c.opt)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(c.seed, 3))
	for range 3 {
		w := newWorld(c)
		steps := slices.DeleteFunc(anyOrder(p.Steps, r), func(s Step) bool { return len(s.Rescue) > 0 })
		at := r.IntN(len(steps) + 1)
		if err := w.run(steps[:at]); err != nil {
			return err
		}
		if at < len(steps) && r.IntN(2) == 0 {
			w.half(steps[at])
		}
		if r.IntN(2) == 0 {
			w.reboot()
		}
		if err := w.converge(c, mk); err != nil {
			return fmt.Errorf("after %d steps: %w", at, err)
		}
	}
	return nil
}

// converge makes one more run, which must be enough.
func (w *world) converge(c scenario, mk planFunc) error {
	again := unforced(c)
	p, err := mk(again.stack, w.state(), again.opt)
	if err != nil {
		return err
	}
	if err := errors.Join(w.run(p.Steps), w.goal(again, false)); err != nil {
		return fmt.Errorf("%w\nsecond plan:\n%s", err, p)
	}
	p, err = mk(again.stack, w.state(), again.opt)
	if err == nil && !p.Empty() {
		err = fmt.Errorf("third plan:\n%s", p)
	}
	return err
}

// lawServing looks only at those moments at which a container is stopped; the
// world refuses the rest (two live incarnations, a stop without an heir).
func lawServing(c scenario, mk planFunc) error {
	p, err := mk(c.stack, c.state, c.opt)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(c.seed, 4))
	w := newWorld(c)
	for _, s := range anyOrder(p.Steps, r) {
		if len(s.Rescue) > 0 {
			continue
		}
		b := w.boxes[s.Object]
		if s.Op == OpStop && b.Task == TaskRunning && w.wanted(b.Ref) && !w.hasHeir(b) && !followsOneOf(c.stack, b.Ref.Name, p.Steps) {
			return fmt.Errorf("%s: no heir that is as wanted", s.ID)
		}
		if err := w.apply(s); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) hasHeir(b Container) bool {
	for _, o := range w.boxes {
		if o.Ref == b.Ref && o.ID != b.ID && w.fits(o) {
			return true
		}
	}
	return false
}

func lawFailure(c scenario, mk planFunc) error {
	p, err := mk(c.stack, c.state, c.opt)
	if err != nil || p.Empty() {
		return err
	}
	r := rand.New(rand.NewPCG(c.seed, 5))
	for range 6 {
		bad, cut := p.Steps[r.IntN(len(p.Steps))], r.IntN(2) == 0
		w := newWorld(c)
		if err := w.runFailing(p.Steps, bad.ID, cut); err != nil {
			return fmt.Errorf("with %s failing: %w", bad.ID, err)
		}
		if err := w.stillServing(c, bad); err != nil {
			return fmt.Errorf("with %s failing: %w", bad.ID, err)
		}
		if err := w.converge(c, mk); err != nil {
			return fmt.Errorf("with %s failing: %w", bad.ID, err)
		}
	}
	return nil
}

// stillServing says whether every replica that was served before, and is
// still wanted, is served now.
func (w *world) stillServing(c scenario, bad Step) error {
	for _, b := range c.state.Containers {
		if b.Task != TaskRunning || !w.wanted(b.Ref) || bad.Object == b.ID && bad.Op == OpStop ||
			strings.HasPrefix(string(bad.ID), "undo-") {
			continue
		}
		served := false
		for _, o := range w.boxes {
			done := o.Task == TaskStopped && o.ExitCode == 0
			served = served || o.Ref == b.Ref && (live(&o) || done)
		}
		if !served {
			return fmt.Errorf("%s is served no more", b.Ref)
		}
	}
	return nil
}
