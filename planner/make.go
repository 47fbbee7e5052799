package planner

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"stackup.dev/stackup/spec"
)

// Make says what must be done so that actual becomes what desired asks for.
//
// It never changes its arguments, and equal input, in whatever order, gives
// an equal plan. Everything that can be known to go wrong (an image that
// cannot be had, a taken host port, an external network that is not there) is
// found here, before anything is touched: all such problems come back in one
// joined error, sorted, and there is no plan.
func Make(desired *spec.Stack, actual State, o Options) (*Plan, error) {
	m := newMaker(desired, actual, o)
	if o.Down {
		m.down()
	} else if err := m.up(); err != nil {
		return nil, err
	}
	if err := m.joined(); err != nil {
		return nil, err
	}
	if o.NoStart {
		m.makeOnly()
	}
	steps, err := order(m.steps)
	if err != nil {
		return nil, err
	}
	slices.Sort(m.notices)
	return &Plan{
		Desired: desired,
		Prior:   actual,
		Stack:   desired.Name,
		Steps:   steps,
		Keep:    m.kept(),
		Notices: m.notices,
	}, nil
}

// maker holds what Make has found and planned so far.
type maker struct {
	stack    string
	want     spec.Stack // sorted copies: the order of input must not show
	have     State
	opt      Options
	byRef    map[Ref][]*Container // all containers of a replica, by ID
	taken    map[string]bool      // container IDs
	dues     map[string]bool      // by image: whether it is to be built
	scope    map[string]bool      // services to bring up
	oneShot  map[string]bool      // services that others need completed
	replicas map[string][]replica // wanted replicas in scope, by service
	again    map[string]bool      // containers that are started again, by ID
	late     []lateStop           // stops of followers
	hooked   map[string][]StepID  // by service: the last of the hooks that run once for all replicas
	steps    []*Step
	byID     map[StepID]*Step
	problems []error
	notices  []string
}

func newMaker(desired *spec.Stack, actual State, o Options) *maker {
	m := &maker{
		stack:    desired.Name,
		want:     *desired,
		have:     actual,
		opt:      o,
		oneShot:  desired.OneShots(),
		replicas: map[string][]replica{},
		byID:     map[StepID]*Step{},
		byRef:    map[Ref][]*Container{},
		taken:    map[string]bool{},
		dues:     map[string]bool{},
		again:    map[string]bool{},
		hooked:   map[string][]StepID{},
	}
	m.sortInput(desired, actual)
	for i := range m.have.Containers {
		c := &m.have.Containers[i]
		m.byRef[c.Ref] = append(m.byRef[c.Ref], c)
		m.taken[c.ID] = true
	}
	return m
}

// sortInput takes sorted copies of all that has an order.
func (m *maker) sortInput(desired *spec.Stack, actual State) {
	m.want.Services = sorted(desired.Services, func(s spec.Service) string { return s.Name })
	m.want.Networks = sorted(desired.Networks, func(n spec.Network) string { return n.Key })
	m.want.Volumes = sorted(desired.Volumes, func(v spec.Volume) string { return v.Key })
	m.have.Containers = sorted(actual.Containers, func(c Container) string { return c.ID })
	m.have.Networks = sorted(actual.Networks, func(n Network) string { return n.Name })
	m.have.Volumes = sorted(actual.Volumes, func(v Volume) string { return v.Name })
}

func sorted[T any](in []T, key func(T) string) []T {
	out := slices.Clone(in)
	slices.SortStableFunc(out, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	return out
}

// up plans everything but down.
func (m *maker) up() error {
	if err := m.setScope(); err != nil {
		return err
	}
	for i := range m.want.Services {
		if s := &m.want.Services[i]; m.scope[s.Name] {
			m.replicas[s.Name] = m.observe(s)
		}
	}
	m.shareRenewed()
	m.startAgain()
	m.createNetworks()
	m.createVolumes()
	for _, s := range m.want.Services {
		for i := range m.replicas[s.Name] {
			m.planReplica(&m.replicas[s.Name][i])
		}
	}
	m.followers()
	m.stopLate()
	m.rescueInOrder()
	if m.opt.For != "" {
		m.prepare()
	}
	m.waitForAll()
	m.scaleDown()
	m.removeOrphans()
	m.removeLeftovers()
	m.removeRenewed()
	m.removeNetworks()
	m.notePaused()
	m.checkPorts()
	m.checkNames()
	m.checkLacks()
	return nil
}

// add puts a step into the plan, or finds it there.
func (m *maker) add(s Step) StepID {
	if have := m.byID[s.ID]; have != nil {
		return have.ID
	}
	m.byID[s.ID] = &s
	m.steps = append(m.steps, &s)
	return s.ID
}

// problem notes something that makes the plan impossible.
func (m *maker) problem(format string, args ...any) {
	m.problems = append(m.problems, fmt.Errorf(format, args...))
}

func (m *maker) joined() error {
	byText := func(a, b error) int { return strings.Compare(a.Error(), b.Error()) }
	slices.SortFunc(m.problems, byText)
	same := func(a, b error) bool { return a.Error() == b.Error() }
	return errors.Join(slices.CompactFunc(m.problems, same)...)
}
