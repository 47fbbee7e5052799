package planner

import (
	"fmt"
	"slices"
)

// setScope finds the services to bring up: all, or those of Only with
// everything they depend on, directly or not.
func (m *maker) setScope() error {
	m.scope = map[string]bool{}
	if m.opt.For != "" {
		return m.includeFor()
	}
	if len(m.opt.Only) == 0 {
		for _, s := range m.want.Services {
			m.scope[s.Name] = true
		}
		return nil
	}
	for _, name := range m.opt.Only {
		if m.want.Service(name) == nil {
			m.unknown(name)
			continue
		}
		m.include(name)
	}
	return m.joined()
}

func (m *maker) unknown(name string) {
	if slices.Contains(m.want.Disabled, name) {
		m.problem("service %s: left out by its profiles (ask for one of them with --profile)", name)
		return
	}
	m.problem("service %s: no such service in stack %s", name, m.stack)
}

func (m *maker) include(name string) {
	s := m.want.Service(name)
	if s == nil || m.scope[name] {
		return
	}
	m.scope[name] = true
	if m.opt.NoDeps {
		return
	}
	for _, d := range s.DependsOn {
		m.include(d.Service)
	}
}

// narrowed says whether the plan is for some services only.
func (m *maker) narrowed() bool { return (len(m.opt.Only) > 0 || m.opt.For != "") && !m.opt.Down }

// order puts every step behind all it needs, in a way that depends on nothing
// but the steps: as they came, each preceded by its needs.
func order(steps []*Step) ([]Step, error) {
	o := orderer{byID: map[StepID]*Step{}, seen: map[StepID]int{}}
	for _, s := range steps {
		slices.Sort(s.Needs)
		s.Needs = slices.Compact(s.Needs)
		o.byID[s.ID] = s
	}
	for _, s := range steps {
		if err := o.visit(s.ID); err != nil {
			return nil, err
		}
	}
	return o.out, nil
}

type orderer struct {
	byID map[StepID]*Step
	seen map[StepID]int // 1: being visited, 2: placed
	out  []Step
}

func (o *orderer) visit(id StepID) error {
	s := o.byID[id]
	switch {
	case s == nil:
		return fmt.Errorf("internal: step %s is needed but not planned", id)
	case o.seen[id] == 2:
		return nil
	case o.seen[id] == 1:
		return fmt.Errorf("dependency cycle through step %s", id)
	}
	o.seen[id] = 1
	// What a rescue step saves from comes before it too.
	for _, before := range slices.Concat(s.Needs, s.Rescue, s.After) {
		if err := o.visit(before); err != nil {
			return err
		}
	}
	o.seen[id] = 2
	o.out = append(o.out, *s)
	return nil
}
