package planner

import "slices"

// checkNames refuses to make containers by names that containers of other stacks have: a
// name is one container's.
func (m *maker) checkNames() {
	for _, s := range m.want.Services {
		makes := slices.ContainsFunc(m.replicas[s.Name], func(r replica) bool { return r.cur == nil })
		if s.ContainerName == "" || !makes {
			continue
		}
		for _, u := range m.have.NamesInUse {
			if u.Name == s.ContainerName && u.Stack != m.stack {
				m.problem("service %s: the container name %s is taken by stack %s (choose another container_name, or leave it out)", s.Name, u.Name, u.Stack)
			}
		}
	}
}
