package planner

// down plans that everything of the stack goes: its containers, its networks
// and, with consent, its volumes. External ones are not the stack's. Where the
// file is known, containers of services that left it stay unless
// RemoveOrphans is set, with what they use; so do those that Only does not name.
func (m *maker) down() {
	var whole []*Container
	for i := range m.have.Containers {
		if c := &m.have.Containers[i]; !c.Partial && !m.spared(c) && m.named(c.Ref.Name) {
			whole = append(whole, c)
		}
	}
	if m.knowsFile() && !m.opt.RemoveOrphans && len(m.opt.Only) == 0 {
		m.noteOrphans()
	}
	m.want.Services, m.want.Networks, m.want.Volumes = nil, nil, nil
	m.allGone(whole, Reason{Code: Down})
	m.removeLeftovers()
	m.removeNetworks()
	if m.opt.RemoveVolumes {
		m.removeVolumes()
	}
}

// knowsFile says whether down was given the services of a file, or a name only.
func (m *maker) knowsFile() bool { return len(m.want.Services)+len(m.want.Disabled) > 0 }

func (m *maker) spared(c *Container) bool {
	return m.knowsFile() && !m.opt.RemoveOrphans && m.orphaned(c)
}

// allGone plans that containers go, dependents before what they depend on.
func (m *maker) allGone(list []*Container, reason Reason) {
	for _, c := range list {
		m.gone(c, reason)
	}
	m.orderStops(list)
}

// orderStops puts the planned stops of dependents before those of what they
// depend on.
func (m *maker) orderStops(list []*Container) {
	first := stopOrder(list)
	for _, c := range list {
		step := m.byID[stopID(c)]
		for _, before := range list {
			if step != nil && first.reaches(c.Ref.Name, before.Ref.Name) && m.byID[stopID(before)] != nil {
				step.Needs = append(step.Needs, stopID(before))
			}
		}
	}
}

// precedence says of each service which others stop before it.
type precedence map[string][]string

// stopOrder reads the dependencies from the stored models, for the file may
// have changed or be gone. Models of different ages can contradict each
// other; what would close a circle is left out.
func stopOrder(list []*Container) precedence {
	p := precedence{}
	for _, c := range list {
		for _, d := range c.Service.DependsOn {
			if d.Service != c.Ref.Name && !p.reaches(c.Ref.Name, d.Service) {
				p[d.Service] = append(p[d.Service], c.Ref.Name)
			}
		}
	}
	return p
}

// reaches says whether before must stop ahead of service, directly or not.
func (p precedence) reaches(service, before string) bool {
	seen := map[string]bool{}
	var visit func(string) bool
	visit = func(s string) bool {
		for _, b := range p[s] {
			if b == before {
				return true
			}
			if !seen[b] {
				seen[b] = true
				if visit(b) {
					return true
				}
			}
		}
		return false
	}
	return visit(service)
}
