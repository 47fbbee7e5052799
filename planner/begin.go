package planner

import (
	"slices"

	"stackup.dev/stackup/spec"
)

// MakeStart plans that the containers there are of the services of o.Only, and
// of all they depend on, start as they were made; of all services for none.
// Dependencies and their conditions come first; with o.Wait it waits until all
// is ready. It makes no container: a service without one is a problem. Of o the
// other options do not count.
func MakeStart(desired *spec.Stack, actual State, o Options) (*Plan, error) {
	m, err := newCommand(desired, actual, Options{Only: o.Only, Wait: o.Wait})
	if err != nil {
		return nil, err
	}
	if err := m.setScope(); err != nil {
		return nil, err
	}
	for i := range m.want.Services {
		if s := &m.want.Services[i]; m.scope[s.Name] {
			m.replicas[s.Name] = m.present(s)
			m.startable(s)
		}
	}
	for _, s := range m.want.Services {
		for i := range m.replicas[s.Name] {
			if r := &m.replicas[s.Name][i]; !r.runs {
				m.begins(r, nil)
			}
		}
	}
	m.waitForAll()
	return m.plan()
}

// startable notes what keeps s from being started.
func (m *maker) startable(s *spec.Service) {
	list := m.replicas[s.Name]
	if len(list) == 0 && hasContainers(s) {
		m.problem("service %s has no container to start: stackup up makes it", s.Name)
	}
	for _, r := range list {
		if r.cur.Task == TaskPaused {
			m.problem("container %s is paused: stackup unpause %s lets it go on", shownName(r.cur), s.Name)
		}
	}
}

// begins plans the start of a container that is there, after what it depends
// on and what else it needs.
func (m *maker) begins(r *replica, needs []StepID) StepID {
	ready := slices.Concat(needs, m.endLost(r.want.Name), m.dependencies(r))
	ready = append(ready, m.hooks(r, ready)...)
	return m.start(r, ready)
}

// newCommand is a maker for a command on containers that are there.
func newCommand(desired *spec.Stack, actual State, o Options) (*maker, error) {
	m := newMaker(Whole(desired, actual), actual, o)
	for _, name := range o.Only {
		if m.want.Service(name) == nil {
			m.unknown(name)
		}
	}
	return m, m.joined()
}

// plan is what a command has planned, or why it cannot be done.
func (m *maker) plan() (*Plan, error) {
	if err := m.joined(); err != nil {
		return nil, err
	}
	steps, err := order(m.steps)
	if err != nil {
		return nil, err
	}
	slices.Sort(m.notices)
	return &Plan{Desired: &m.want, Prior: m.have, Stack: m.stack, Steps: steps, Keep: m.kept(), Notices: m.notices}, nil
}

// chosen says whether a command is about a service: any of the stack's, or those
// of Only.
func (m *maker) chosen(name string) bool {
	if len(m.opt.Only) > 0 {
		return slices.Contains(m.opt.Only, name)
	}
	return m.want.Service(name) != nil
}
