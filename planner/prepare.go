package planner

import (
	"slices"

	"stackup.dev/stackup/spec"
)

// OneOff is the index of containers that belong to a service and are none of
// its replicas: those of run. Plans leave them alone, until the stack goes down.
const OneOff = 0

// prepare plans what a one-off container of a service needs: its image, its
// networks and volumes, and what the service depends on, as far as that has to
// be for it to start. Its own replicas are not touched.
func (m *maker) prepare() {
	s := m.want.Service(m.opt.For)
	for _, id := range m.bring(s) {
		m.byID[id].Reason = Reason{Code: DependencyOf, Detail: "for a container of " + s.Name}
	}
	if !m.opt.Alone {
		m.dependencies(&replica{ref: Ref{Kind: KindContainer, Name: s.Name, Index: OneOff}, want: s})
	}
}

// includeFor puts what the service of For depends on into the scope.
func (m *maker) includeFor() error {
	s := m.want.Service(m.opt.For)
	if s == nil {
		m.unknown(m.opt.For)
		return m.joined()
	}
	if m.opt.Alone {
		return nil
	}
	for _, d := range s.DependsOn {
		m.include(d.Service)
	}
	return nil
}

// makeOnly leaves the steps that make things: the next plan finds them made, and
// goes on from there.
func (m *maker) makeOnly() {
	m.steps = slices.DeleteFunc(m.steps, func(s *Step) bool {
		switch s.Op {
		case OpPull, OpLoad, OpBuild, OpCreate, OpUpdate:
			return false
		case OpPush, OpStart, OpHook, OpWait, OpStop, OpRemove, OpRepair, OpKill, OpPause, OpUnpause:
		}
		return true
	})
}

// uses says whether a one-off container is for s.
func (m *maker) uses(s *spec.Service) bool { return m.opt.For != "" && m.opt.For == s.Name }
