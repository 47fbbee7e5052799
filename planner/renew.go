package planner

import (
	"slices"

	"stackup.dev/stackup/spec"
)

// renewed is the generation of the anonymous volumes of the incarnation to make:
// new ones if that is asked for, else those of what serves, or was made last.
func (m *maker) renewed(r *replica) int {
	if m.opt.RenewVolumes {
		return r.gen
	}
	return renewedOf(r.olds)
}

// renewedOf is that of the one that runs, else of the last.
func renewedOf(oldest []*Container) (n int) {
	for _, c := range oldest {
		if c.Task == TaskRunning || c.Task == TaskOrphaned {
			return c.Renewed
		}
		n = c.Renewed
	}
	return n
}

// Renewed says of which generation the anonymous volumes of a replica are once
// the plan is carried out.
func (p *Plan) Renewed(ref Ref) int {
	for _, s := range p.Steps {
		if s.Op == OpCreate && s.Ref == ref {
			return s.Renewed
		}
	}
	var there []*Container
	for i := range p.Prior.Containers {
		if c := &p.Prior.Containers[i]; c.Ref == ref && !c.Partial {
			there = append(there, c)
		}
	}
	slices.SortStableFunc(there, byGeneration)
	return renewedOf(there)
}

// shareRenewed has containers replaced that mount the anonymous volumes of another
// service (volumes_from) which get new ones: they shall have them too.
func (m *maker) shareRenewed() {
	for more := true; more; { // who shares may be shared with
		more = false
		for _, s := range m.want.Services {
			for i := range m.replicas[s.Name] {
				if r := &m.replicas[s.Name][i]; r.cur != nil && m.sharesRenewed(r.want) != "" {
					m.outdate(r)
					more = true
				}
			}
		}
	}
}

// outdate makes the current incarnation an old one.
func (m *maker) outdate(r *replica) {
	r.olds = append(r.olds, r.cur)
	slices.SortStableFunc(r.olds, byGeneration)
	r.cur, r.runs = nil, false
	r.gen, r.id = m.next(r.ref)
}

// sharesRenewed names a service whose volumes s mounts and which gets new ones;
// empty if there is none.
func (m *maker) sharesRenewed(s *spec.Service) string {
	for _, mount := range s.Mounts {
		if m.opt.RenewVolumes && mount.Of != "" && len(m.replicas[mount.Of]) > 0 && m.replicas[mount.Of][0].cur == nil {
			return mount.Of
		}
	}
	return ""
}
