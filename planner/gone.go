package planner

import (
	"slices"
	"strings"

	"stackup.dev/stackup/spec"
)

// gone plans that a container goes: stop where need be, and remove.
func (m *maker) gone(c *Container, reason Reason) {
	if mustStop(c, reason.Code == Replaced) {
		m.stop(c, reason, nil)
	}
	m.remove(c, reason, nil)
}

// mustStop says whether c is to be stopped before it is removed, or before
// its successor starts. An exited container may be about to be restarted
// under its restart policy, and may still hold its address.
func mustStop(c *Container, replaced bool) bool {
	if c.Task == TaskStopped {
		p := c.Service.Restart.Policy
		return replaced || p != "" && p != spec.RestartNo
	}
	return c.Task != TaskNone
}

func stopID(c *Container) StepID { return StepID("stop/" + c.ID) }

func removeID(c *Container) StepID { return StepID("remove/" + c.ID) }

func (m *maker) stop(c *Container, reason Reason, needs []StepID) StepID {
	return m.add(Step{
		ID:     stopID(c),
		Op:     OpStop,
		Ref:    c.Ref,
		Object: c.ID,
		Grace:  m.grace(&c.Service),
		Reason: reason,
		Needs:  slices.Clone(needs),
	})
}

func (m *maker) remove(c *Container, reason Reason, needs []StepID) {
	needs = slices.Clone(needs)
	if m.byID[stopID(c)] != nil {
		needs = append(needs, stopID(c))
	}
	m.add(Step{ID: removeID(c), Op: OpRemove, Ref: c.Ref, Object: c.ID, Reason: reason, Needs: needs})
}

// scaleDown plans that replicas beyond the wanted number go, highest first.
func (m *maker) scaleDown() {
	for i := len(m.have.Containers) - 1; i >= 0; i-- {
		c := &m.have.Containers[i]
		s := m.want.Service(c.Ref.Name)
		if s == nil || c.Partial || !m.scope[s.Name] {
			continue
		}
		if c.Ref.Index != OneOff && (c.Ref.Index < 1 || c.Ref.Index > s.Replicas) {
			m.gone(c, Reason{Code: ScaledDown})
		}
	}
}

// removeOrphans plans that containers of services that left the file go, or
// tells of them. A plan for some services only does not speak of them unasked.
func (m *maker) removeOrphans() {
	switch {
	case m.opt.RemoveOrphans:
		m.allGone(m.orphans(), Reason{Code: Orphan})
	case !m.narrowed():
		m.noteOrphans()
	}
}

func (m *maker) orphans() (out []*Container) {
	for i := range m.have.Containers {
		if c := &m.have.Containers[i]; m.orphaned(c) {
			out = append(out, c)
		}
	}
	return out
}

// noteOrphans tells of the containers that nobody asked to remove.
func (m *maker) noteOrphans() {
	var names []string
	for _, c := range m.orphans() {
		names = append(names, shownName(c))
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	m.notices = append(m.notices, "containers of services that are no longer in the file: "+
		strings.Join(names, ", ")+" (--remove-orphans removes them)")
}

func (m *maker) orphaned(c *Container) bool {
	return !c.Partial && m.want.Service(c.Ref.Name) == nil && !slices.Contains(m.want.Disabled, c.Ref.Name)
}

func shownName(c *Container) string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID
}

// removeLeftovers plans that debris of interrupted runs goes.
func (m *maker) removeLeftovers() {
	for i := range m.have.Containers {
		c := &m.have.Containers[i]
		if c.Prepares > 0 && (!m.narrowed() || m.scope[c.Ref.Name]) {
			m.oldHooks(c.Ref.Name)
		} else if c.Partial && (!m.narrowed() || m.scope[c.Ref.Name]) {
			m.gone(c, Reason{Code: Leftover, Detail: "its making was interrupted"})
		}
	}
}
