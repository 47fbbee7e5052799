package planner

import (
	"fmt"
	"slices"

	"stackup.dev/stackup/spec"
)

// followsOneOf says whether the wanted service of a container is to start again with
// one that the steps start.
func followsOneOf(stack *spec.Stack, service string, steps []Step) bool {
	s := stack.Service(service)
	if s == nil {
		return false
	}
	return slices.ContainsFunc(s.DependsOn, func(d spec.Dependency) bool {
		return d.Restart && slices.ContainsFunc(steps, func(o Step) bool {
			return o.Op == OpStart && o.Ref.Name == d.Service && len(o.Rescue) == 0
		})
	})
}

// lawFollows: what depends on a service with restart runs only if it was
// started after every replica of that which the plan has started.
func lawFollows(c scenario, mk planFunc) error {
	p, err := mk(c.stack, c.state, c.opt)
	if err != nil || c.opt.Down {
		return err
	}
	w, at := newWorld(c), map[Ref]int{}
	for i, s := range p.Steps {
		if len(s.Rescue) > 0 {
			continue
		}
		if err := w.apply(s); err != nil {
			return err
		}
		if s.Op == OpStart {
			at[s.Ref] = i + 1
		}
	}
	for _, b := range w.boxes {
		s := c.stack.Service(b.Ref.Name)
		if s == nil || b.Task != TaskRunning || !w.wanted(b.Ref) {
			continue
		}
		for ref, started := range at {
			if follows(s, ref.Name) && at[b.Ref] < started {
				return fmt.Errorf("%s was not started again after %s", b.ID, ref)
			}
		}
	}
	return nil
}
