package planner

import (
	"slices"

	"stackup.dev/stackup/spec"
)

// MakeRestart plans that the containers there are of the services of o.Only, or
// of all, stop and start again as they were made; those that do not run start.
// The running containers of services whose depends_on says restart of one of
// them follow, unless o.NoDeps is set. Dependents stop first and start last. A
// container that ran and whose start is not reached gets back. o.Timeout
// counts; the other options do not.
func MakeRestart(desired *spec.Stack, actual State, o Options) (*Plan, error) {
	m, err := newCommand(desired, actual, Options{Only: o.Only, NoDeps: o.NoDeps, Timeout: o.Timeout})
	if err != nil {
		return nil, err
	}
	for i := range m.want.Services {
		s := &m.want.Services[i]
		switch {
		case m.chosen(s.Name):
			m.replicas[s.Name] = m.present(s)
			if len(m.opt.Only) > 0 && len(m.replicas[s.Name]) == 0 {
				m.problem("service %s has no container to restart: stackup up makes it", s.Name)
			}
		case m.led(s.Name, map[string]bool{}):
			m.replicas[s.Name] = slices.DeleteFunc(m.present(s), func(r replica) bool { return r.cur.Task != TaskRunning })
		}
	}
	m.stopAll()
	for _, s := range m.want.Services {
		for i := range m.replicas[s.Name] {
			m.restart(&m.replicas[s.Name][i])
		}
	}
	m.backInOrder()
	return m.plan()
}

// led says whether a service follows one that is restarted, directly or not.
func (m *maker) led(name string, seen map[string]bool) bool {
	if m.opt.NoDeps || seen[name] {
		return false
	}
	seen[name] = true
	s := m.want.Service(name)
	return s != nil && slices.ContainsFunc(s.DependsOn, func(d spec.Dependency) bool {
		return d.Restart && (m.chosen(d.Service) || m.led(d.Service, seen))
	})
}

// stopAll plans the stops of a restart, and that nothing of it counts as up
// before it is started.
func (m *maker) stopAll() {
	var list []*Container
	for _, s := range m.want.Services {
		for i := range m.replicas[s.Name] {
			r := &m.replicas[s.Name][i]
			if r.runs {
				m.stop(r.cur, m.restartReason(r), nil)
				list = append(list, r.cur)
			}
			r.runs = false
		}
	}
	m.orderStops(list)
}

func (m *maker) restartReason(r *replica) Reason {
	if m.chosen(r.ref.Name) {
		return Reason{Code: Forced, Detail: "restart"}
	}
	return Reason{Code: DependencyOf, Detail: "what it depends on restarts, and depends_on says restart"}
}

// restart plans the start of one container, and how one that ran gets back if
// that is not reached.
func (m *maker) restart(r *replica) {
	stop := m.byID[stopID(r.cur)]
	if stop == nil {
		m.begins(r, nil)
		return
	}
	stop.Needs = append(stop.Needs, m.endLost(r.want.Name)...)
	start := m.begins(r, []StepID{stop.ID})
	m.byID[start].Reason = m.restartReason(r)
	m.add(Step{
		ID: undoStart(r.id), Op: OpStart, Ref: r.ref, Object: r.id, Needs: []StepID{stop.ID}, Rescue: []StepID{start},
		Reason: Reason{Code: Forced, Detail: "it ran before"},
	})
}

// backInOrder has dependents get back after what they depend on.
func (m *maker) backInOrder() {
	for _, s := range m.want.Services {
		for _, r := range m.replicas[s.Name] {
			undo := m.byID[undoStart(r.id)]
			for _, d := range s.DependsOn {
				for _, o := range m.replicas[d.Service] {
					if undo != nil && m.byID[undoStart(o.id)] != nil {
						undo.After = append(undo.After, undoStart(o.id))
					}
				}
			}
		}
	}
}
