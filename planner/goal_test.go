package planner

import (
	"fmt"
	"slices"

	"stackup.dev/stackup/spec"
)

// goal says whether w is as the scenario asks, knowing nothing of plans. forced is
// for whoever wants to see what it asks to replace replaced.
func (w *world) goal(c scenario, forced bool) error {
	if c.opt.Down {
		return w.nothingLeft(c)
	}
	inScope := scopeOf(c)
	for _, s := range c.stack.Services {
		for n := 1; inScope[s.Name] && n <= s.Replicas; n++ {
			if err := w.serves(c, &s, Ref{KindContainer, s.Name, n}, forced && forcedFor(c, s.Name)); err != nil {
				return err
			}
		}
	}
	for _, b := range w.boxes {
		if !w.mayStay(c, b, inScope) {
			return fmt.Errorf("%s is still there", b.ID)
		}
	}
	return w.placesRight(c, inScope)
}

func forcedFor(c scenario, service string) bool {
	if len(c.opt.Only) == 0 || slices.Contains(c.opt.Only, service) {
		return c.opt.ForceRecreate
	}
	return c.opt.RecreateDeps
}

func scopeOf(c scenario) map[string]bool {
	scope := map[string]bool{}
	for _, s := range c.stack.Services {
		scope[s.Name] = len(c.opt.Only) == 0 || slices.Contains(c.opt.Only, s.Name)
	}
	for range c.stack.Services { // to the fixed point
		for _, s := range c.stack.Services {
			for _, d := range s.DependsOn {
				scope[d.Service] = scope[d.Service] || scope[s.Name]
			}
		}
	}
	return scope
}

func (w *world) serves(c scenario, s *spec.Service, ref Ref, forced bool) error {
	var found []Container
	for _, b := range w.boxes {
		if b.Ref == ref && !b.Partial {
			found = append(found, b)
		}
	}
	if len(found) != 1 {
		return fmt.Errorf("%s has %d containers", ref, len(found))
	}
	b := found[0]
	existed := slices.ContainsFunc(c.state.Containers, func(o Container) bool { return o.ID == b.ID })
	switch done := b.Task == TaskStopped && b.ExitCode == 0 && isOneShot(c, s.Name); {
	case !w.fits(b) || text(b.Service) != text(*s):
		return fmt.Errorf("%s is not as wanted", b.ID)
	case forced && existed:
		return fmt.Errorf("%s was to be replaced", b.ID)
	case !live(&b) && !done:
		return fmt.Errorf("%s does not run", b.ID)
	case c.opt.Wait && isOneShot(c, s.Name) && !done:
		return fmt.Errorf("%s was not waited for", b.ID)
	case c.opt.Wait && probed(s) && !done && b.Health != HealthHealthy:
		return fmt.Errorf("%s is not healthy", b.ID)
	}
	return nil
}

func isOneShot(c scenario, name string) bool {
	for _, s := range c.stack.Services {
		if slices.ContainsFunc(s.DependsOn, func(d spec.Dependency) bool { return d.Service == name && d.Condition == spec.Completed }) {
			return true
		}
	}
	return false
}

func (w *world) mayStay(c scenario, b Container, scope map[string]bool) bool {
	s := c.stack.Service(b.Ref.Name)
	narrowed := len(c.opt.Only) > 0
	switch {
	case b.Ref.Name == "gone" && !b.Partial && c.opt.RemoveOrphans:
		return false
	case narrowed && !scope[b.Ref.Name]:
		return true
	case b.Partial:
		return false
	case s != nil:
		return b.Ref.Index <= s.Replicas
	default:
		return b.Ref.Name == "debug" || !c.opt.RemoveOrphans
	}
}

func (w *world) placesRight(c scenario, scope map[string]bool) error {
	for _, s := range c.stack.Services {
		if scope[s.Name] && s.Replicas > 0 {
			if err := w.hasPlaces(&s); err != nil {
				return err
			}
		}
	}
	for _, n := range c.stack.Networks {
		used := slices.ContainsFunc(c.stack.Services, func(s spec.Service) bool { return scope[s.Name] && s.Joins(n.Key) })
		if used && len(w.networks[n.Name].Lost) > 0 {
			return fmt.Errorf("network %s is not repaired", n.Name)
		}
	}
	for _, name := range []string{"demo_gone", "demo_front_old"} {
		_, exists := w.networks[name]
		inUse := false
		for _, b := range w.boxes {
			inUse = inUse || slices.Contains(networkNames(b), name)
		}
		if exists && !inUse {
			return fmt.Errorf("network %s is still there", name)
		}
	}
	return nil
}

func (w *world) nothingLeftOf(services []string) error {
	used := map[string]bool{}
	for _, b := range w.boxes {
		if b.Partial || slices.Contains(services, b.Ref.Name) {
			return fmt.Errorf("%s is left", b.ID)
		}
		for _, n := range networkNames(b) {
			used[n] = true
		}
	}
	for name, n := range w.networks {
		if n.Stack == "demo" && !used[name] {
			return fmt.Errorf("network %s is left", name)
		}
	}
	return nil
}

func (w *world) nothingLeft(c scenario) error {
	if len(c.opt.Only) > 0 {
		return w.nothingLeftOf(c.opt.Only)
	}
	orphans := false // containers that nobody asked to remove
	for _, b := range w.boxes {
		if b.Partial || b.Ref.Name != "gone" || c.opt.RemoveOrphans {
			return fmt.Errorf("%s is left", b.ID)
		}
		orphans = true
	}
	for _, n := range w.networks {
		if n.Stack == "demo" && (!orphans || n.Key != "gone") {
			return fmt.Errorf("network %s is left", n.Name)
		}
	}
	for _, v := range w.volumes {
		if v.Stack == "demo" && c.opt.RemoveVolumes && !orphans {
			return fmt.Errorf("volume %s is left", v.Name)
		}
	}
	return nil
}
