package planner

import (
	"slices"

	"stackup.dev/stackup/spec"
)

// startAgain finds the running containers that are started again though they
// are as wanted: those whose depends_on says restart of a service that this plan
// starts, or starts again itself. One that is replaced anyway is none.
func (m *maker) startAgain() {
	for more := true; more; {
		more = false
		for i := range m.have.Containers {
			c := &m.have.Containers[i]
			if s := m.want.Service(c.Ref.Name); s != nil && m.staysAsIs(c, s) && slices.ContainsFunc(s.DependsOn, m.startsAnew) {
				m.again[c.ID], more = true, true
			}
		}
	}
	for _, list := range m.replicas {
		for i := range list {
			if r := &list[i]; r.runs && m.again[r.id] {
				r.runs = false
			}
		}
	}
}

// staysAsIs says whether c runs, and would go on to without startAgain.
func (m *maker) staysAsIs(c *Container, s *spec.Service) bool {
	if c.Partial || c.Task != TaskRunning || m.again[c.ID] || c.Ref.Index < 1 || c.Ref.Index > s.Replicas {
		return false
	}
	if !m.scope[s.Name] {
		return true
	}
	return slices.ContainsFunc(m.replicas[s.Name], func(r replica) bool { return r.runs && r.cur == c })
}

// startsAnew says whether a dependency that dependents follow is started.
func (m *maker) startsAnew(d spec.Dependency) bool {
	s := m.want.Service(d.Service)
	return d.Restart && s != nil && (m.comesBack(s) || slices.ContainsFunc(m.replicas[d.Service], func(r replica) bool { return !r.runs }))
}

// stopFollowers plans that those which are started again with the replica's
// service stop before it does, and those that follow them before that; none
// before all is ready that the service needs, see stopLate.
func (m *maker) stopFollowers(service string, ready []StepID) []StepID {
	var stops []StepID
	for i := range m.have.Containers {
		c := &m.have.Containers[i]
		if !m.again[c.ID] || !follows(m.want.Service(c.Ref.Name), service) {
			continue
		}
		id := m.stop(c, m.againReason(c), nil)
		stops = append(stops, id)
		if len(ready) > 0 {
			m.late = append(m.late, lateStop{id, ready})
			m.stopFollowers(c.Ref.Name, ready)
		}
	}
	return stops
}

// lateStop is a stop that is not to come before other steps.
type lateStop struct {
	stop  StepID
	after []StepID
}

// stopLate has followers stop as late as can be: after all that what they follow
// needs, but for what itself waits for that stop.
func (m *maker) stopLate() {
	for _, l := range m.late {
		for _, id := range l.after {
			if !m.leads(id, l.stop, map[StepID]bool{}) {
				m.byID[l.stop].Needs = append(m.byID[l.stop].Needs, id)
			}
		}
	}
}

// leads says whether a step needs another, directly or not.
func (m *maker) leads(from, to StepID, seen map[StepID]bool) bool {
	if from == to {
		return true
	}
	s := m.byID[from]
	if s == nil || seen[from] {
		return false
	}
	seen[from] = true
	return slices.ContainsFunc(s.Needs, func(id StepID) bool { return m.leads(id, to, seen) })
}

func follows(s *spec.Service, service string) bool {
	return slices.ContainsFunc(s.DependsOn, func(d spec.Dependency) bool { return d.Restart && d.Service == service })
}

// againReason names the first dependency that starts anew.
func (m *maker) againReason(c *Container) Reason {
	for _, d := range sorted(m.want.Service(c.Ref.Name).DependsOn, func(d spec.Dependency) string { return d.Service }) {
		if m.startsAnew(d) {
			return Reason{Code: DependencyOf, Detail: d.Service + " starts anew, and depends_on says restart"}
		}
	}
	return Reason{Code: DependencyOf}
}

// followers plans the starts of those that are out of scope: the others are
// planned as all replicas are.
func (m *maker) followers() {
	for i := range m.have.Containers {
		c := &m.have.Containers[i]
		if s := m.want.Service(c.Ref.Name); m.again[c.ID] && !m.scope[c.Ref.Name] {
			r := &replica{ref: c.Ref, want: s, cur: c, id: c.ID, gen: c.Generation}
			m.comeBack(r, slices.Concat(m.places(s), m.dependencies(r), m.followed(s)))
		}
	}
}

// comesBack says whether a container of s is started again.
func (m *maker) comesBack(s *spec.Service) bool {
	return slices.ContainsFunc(m.have.Containers, func(c Container) bool { return c.Ref.Name == s.Name && m.again[c.ID] })
}

// followed gives the starts of those out of scope that s follows.
func (m *maker) followed(s *spec.Service) []StepID {
	var needs []StepID
	for i := range m.have.Containers {
		if c := &m.have.Containers[i]; m.again[c.ID] && !m.scope[c.Ref.Name] && follows(s, c.Ref.Name) {
			needs = append(needs, startID(c.Ref))
		}
	}
	return needs
}

// comeBack plans the start of a container that was stopped to be started again,
// and that it gets up even if what it follows does not.
func (m *maker) comeBack(r *replica, needs []StepID) StepID {
	reason := m.againReason(r.cur)
	stop := m.stop(r.cur, reason, nil)
	m.byID[stop].Needs = slices.Concat(m.byID[stop].Needs, m.endLost(r.want.Name), m.stopFollowers(r.want.Name, nil))
	start := m.add(Step{ID: r.startID(), Op: OpStart, Ref: r.ref, Object: r.id, Reason: reason, Needs: append(needs, stop)})
	undo := Step{
		ID: undoStart(r.id), Op: OpStart, Ref: r.ref, Object: r.id, Needs: []StepID{stop}, Rescue: []StepID{start},
		Reason: Reason{Code: DependencyOf, Detail: "what it follows did not get up"},
	}
	m.add(undo)
	return start
}

// rescueInOrder has followers get up after what they follow, where both are got
// back.
func (m *maker) rescueInOrder() {
	for i := range m.have.Containers {
		c := &m.have.Containers[i]
		if !m.again[c.ID] {
			continue
		}
		undo := m.byID[undoStart(c.ID)]
		for _, d := range m.want.Service(c.Ref.Name).DependsOn {
			for j := range m.have.Containers {
				o := &m.have.Containers[j]
				if d.Restart && o.Ref.Name == d.Service && m.byID[undoStart(o.ID)] != nil {
					undo.After = append(undo.After, undoStart(o.ID))
				}
			}
		}
	}
}

func undoStart(id string) StepID { return StepID("undo-start/" + id) }
