package planner

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"stackup.dev/stackup/spec"
)

func lawForm(c scenario, mk planFunc) error {
	p, err := mk(c.stack, c.state, c.opt)
	if err != nil {
		return err
	}
	seen := map[StepID]bool{}
	for _, s := range p.Steps {
		for _, id := range slices.Concat(s.Needs, s.Rescue) {
			if !seen[id] {
				return fmt.Errorf("%s refers to %s, which is not before it", s.ID, id)
			}
		}
		if seen[s.ID] {
			return fmt.Errorf("%s is there twice", s.ID)
		}
		seen[s.ID] = true
		if err := formOf(c, s); err != nil {
			return fmt.Errorf("%s: %w", s.ID, err)
		}
	}
	return nil
}

func formOf(c scenario, s Step) error {
	switch {
	case s.Object == "":
		return errors.New("no object")
	case s.Reason.Code == "":
		return errors.New("no reason")
	case s.Reason.Code == ConfigChanged && len(s.Reason.Fields) == 0:
		return errors.New("does not say what changed")
	case s.Danger != (s.Op == OpRemove && s.Ref.Kind == KindVolume):
		return errors.New("danger is not marked right")
	case s.Op == OpWait && s.Until == "":
		return errors.New("waits for nothing")
	case s.Op == OpStop && s.Grace != graceOf(c, s):
		return fmt.Errorf("grace %s, want %s", s.Grace, graceOf(c, s))
	}
	return nil
}

func graceOf(c scenario, s Step) time.Duration {
	if c.opt.Timeout != nil {
		return *c.opt.Timeout
	}
	for _, b := range c.state.Containers {
		if b.ID == s.Object && len(s.Rescue) == 0 {
			return time.Duration(b.Service.StopGrace)
		}
	}
	return time.Duration(c.stack.Service(s.Ref.Name).StopGrace)
}

func lawForeign(c scenario, mk planFunc) error {
	p, err := mk(c.stack, c.state, c.opt)
	if err != nil {
		return err
	}
	scope := scopeOf(c)
	for _, s := range p.Steps {
		if s.Ref.Kind == KindContainer && leftAlone(c, s, scope) {
			return fmt.Errorf("%s: not to be touched", s.ID)
		}
	}
	before, w := newWorld(c), newWorld(c)
	if err := w.run(p.Steps); err != nil {
		return err
	}
	for name, n := range before.networks {
		after := w.networks[name]
		if after.Lost == nil { // whoever uses a network may repair it
			n.Lost = nil
		}
		if n.Stack != "demo" && !reflect.DeepEqual(after, n) {
			return fmt.Errorf("network %s was touched", name)
		}
	}
	for name, v := range before.volumes {
		consent := v.Stack == "demo" && c.opt.Down && c.opt.RemoveVolumes
		if !consent && !reflect.DeepEqual(w.volumes[name], v) {
			return fmt.Errorf("volume %s was touched", name)
		}
	}
	return nil
}

func follower(c scenario, service string) bool {
	s := c.stack.Service(service)
	return s != nil && slices.ContainsFunc(s.DependsOn, func(d spec.Dependency) bool { return d.Restart })
}

func leftAlone(c scenario, s Step, scope map[string]bool) bool {
	partial := slices.ContainsFunc(c.state.Containers, func(b Container) bool { return b.ID == s.Object && b.Partial })
	switch {
	case c.opt.Down && len(c.opt.Only) > 0:
		return !slices.Contains(c.opt.Only, s.Ref.Name) && !partial
	case c.opt.Down:
		return s.Ref.Name == "gone" && !partial && !c.opt.RemoveOrphans
	case s.Ref.Name == "gone" && !partial && c.opt.RemoveOrphans:
		return false
	case len(c.opt.Only) > 0:
		return !scope[s.Ref.Name] && !follower(c, s.Ref.Name)
	case s.Ref.Name == "debug":
		return !partial
	default:
		return s.Ref.Name == "gone" && !partial && !c.opt.RemoveOrphans
	}
}

// lawUnchanged: a replica whose only container is as wanted and runs is left
// alone, and is said to be.
func lawUnchanged(c scenario, mk planFunc) error {
	p, err := mk(c.stack, c.state, c.opt)
	if err != nil || c.opt.Down || c.opt.ForceRecreate || c.opt.RecreateDeps {
		return err
	}
	w := newWorld(c)
	for _, b := range c.state.Containers {
		if followsOneOf(c.stack, b.Ref.Name, p.Steps) {
			continue
		}
		if !w.fits(b) || !live(&b) || text(b.Service) != text(*c.stack.Service(b.Ref.Name)) {
			continue
		}
		for _, s := range p.Steps {
			if s.Object == b.ID && s.Op != OpWait || s.Ref == b.Ref && s.Op == OpCreate {
				return fmt.Errorf("%s: %s is as wanted", s.ID, b.ID)
			}
		}
		if !slices.Contains(p.Keep, Kept{b.Ref, b.ID}) {
			return fmt.Errorf("%s is not said to be kept", b.ID)
		}
	}
	return nil
}
