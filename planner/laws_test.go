package planner

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"stackup.dev/stackup/spec"
)

// planFunc is Make, or a broken variant of it.
type planFunc func(*spec.Stack, State, Options) (*Plan, error)

// law is something that holds of every scenario.
type law struct {
	name  string
	holds func(scenario, planFunc) error
}

var laws = []law{
	{"the goal is reached", lawGoal},
	{"planning again is empty", lawAgain},
	{"the order of input does not matter", lawOrder},
	{"input is unchanged", lawPure},
	{"needs point backwards and steps are well formed", lawForm},
	{"any order that respects needs works", lawAnyOrder},
	{"stopped anywhere it converges", lawInterrupted},
	{"a serving container is stopped only for its replacement", lawServing},
	{"nothing foreign is touched", lawForeign},
	{"what is unchanged gets no step", lawUnchanged},
	{"what follows a service starts again with it", lawFollows},
	{"a failure leaves the old container serving", lawFailure},
}

func TestMakeKeepsLaws(t *testing.T) {
	for _, l := range laws {
		t.Run(l.name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				c := scenarios.Draw(rt, "scenario")
				if err := l.holds(c, Make); err != nil {
					p, _ := Make(c.stack, c.state, c.opt)
					rt.Fatalf("%v\nplan:\n%s", err, p)
				}
			})
		})
	}
}

func lawGoal(c scenario, mk planFunc) error {
	p, err := mk(c.stack, c.state, c.opt)
	if err != nil {
		return err
	}
	w := newWorld(c)
	return errors.Join(w.run(p.Steps), w.goal(c, true))
}

// unforced is c without what would never be content.
func unforced(c scenario) scenario {
	c.opt.ForceRecreate, c.opt.RecreateDeps = false, false
	return c
}

func lawAgain(c scenario, mk planFunc) error {
	p, err := mk(c.stack, c.state, c.opt)
	if err != nil {
		return err
	}
	w := newWorld(c)
	if err := w.run(p.Steps); err != nil {
		return err
	}
	p, err = mk(c.stack, w.state(), unforced(c).opt)
	if err == nil && !p.Empty() {
		err = fmt.Errorf("second plan:\n%s", p)
	}
	return err
}

func lawOrder(c scenario, mk planFunc) error {
	r := rand.New(rand.NewPCG(c.seed, 1))
	d := c
	stack := *c.stack
	stack.Services, stack.Networks, stack.Volumes = shuffled(r, stack.Services), shuffled(r, stack.Networks), shuffled(r, stack.Volumes)
	d.stack = &stack
	d.state.Containers, d.state.Networks = shuffled(r, d.state.Containers), shuffled(r, d.state.Networks)
	d.state.Volumes, d.state.Images = shuffled(r, d.state.Volumes), shuffled(r, d.state.Images)
	p, err1 := mk(c.stack, c.state, c.opt)
	q, err2 := mk(d.stack, d.state, d.opt)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if text(p) != text(q) {
		return fmt.Errorf("plans differ:\n%s\n%s", p, q)
	}
	return nil
}

func shuffled[T any](r *rand.Rand, in []T) []T {
	out := slices.Clone(in)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func lawPure(c scenario, mk planFunc) error {
	before := text(c.stack) + text(c.state) + text(c.opt)
	p, err := mk(c.stack, c.state, c.opt)
	if err != nil {
		return err
	}
	again, err := mk(c.stack, c.state, c.opt)
	if err != nil {
		return err
	}
	if text(p) != text(again) {
		return errors.New("equal input gave another plan")
	}
	if text(c.stack)+text(c.state)+text(c.opt) != before {
		return errors.New("input was changed")
	}
	return nil
}

func lawAnyOrder(c scenario, mk planFunc) error {
	p, err := mk(c.stack, c.state, c.opt)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(c.seed, 2))
	for range 3 {
		w := newWorld(c)
		if err := errors.Join(w.run(anyOrder(p.Steps, r)), w.goal(c, true)); err != nil {
			return err
		}
	}
	return nil
}
