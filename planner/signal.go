package planner

import (
	"slices"
	"time"

	"stackup.dev/stackup/spec"
)

// MakeKill plans that the running containers of the services of o.Only, or of
// all, get a signal; with o.RemoveOrphans those of services that the file no
// longer has are killed and removed.
func MakeKill(desired *spec.Stack, actual State, signal string, o Options) (*Plan, error) {
	m, err := newCommand(desired, actual, Options{Only: o.Only, RemoveOrphans: o.RemoveOrphans})
	if err != nil {
		return nil, err
	}
	runs := func(c *Container) bool { return c.Task.Runs() }
	m.eachReplica("is not running", runs, func(c *Container) {
		m.add(Step{ID: StepID("kill/" + c.ID), Op: OpKill, Ref: c.Ref, Object: c.ID, Signal: signal, Reason: Reason{Code: Forced}})
	})
	if m.opt.RemoveOrphans {
		m.opt.Timeout = new(time.Duration) // at once
		m.allGone(m.orphans(), Reason{Code: Orphan})
	}
	return m.plan()
}

// MakePause plans that the running containers of some services, or of all,
// freeze. Those that are frozen stay so.
func MakePause(desired *spec.Stack, actual State, only []string) (*Plan, error) {
	m, err := newCommand(desired, actual, Options{Only: only})
	if err != nil {
		return nil, err
	}
	m.eachReplica("is not running", live, func(c *Container) {
		if c.Task == TaskRunning {
			m.add(Step{ID: StepID("pause/" + c.ID), Op: OpPause, Ref: c.Ref, Object: c.ID, Reason: Reason{Code: Forced}})
		}
	})
	return m.plan()
}

// MakeUnpause plans that the frozen containers of some services, or of all, go on.
func MakeUnpause(desired *spec.Stack, actual State, only []string) (*Plan, error) {
	m, err := newCommand(desired, actual, Options{Only: only})
	if err != nil {
		return nil, err
	}
	paused := func(c *Container) bool { return c.Task == TaskPaused }
	m.eachReplica("is not paused", paused, func(c *Container) {
		m.add(Step{ID: StepID("unpause/" + c.ID), Op: OpUnpause, Ref: c.Ref, Object: c.ID, Reason: Reason{Code: Forced}})
	})
	return m.plan()
}

// eachReplica calls do for the fitting containers of the chosen services. One
// that is asked for by name and has none is a problem.
func (m *maker) eachReplica(lacks string, fits func(*Container) bool, do func(*Container)) {
	met := map[string]bool{}
	for i := range m.have.Containers {
		c := &m.have.Containers[i]
		if c.Partial || c.Ref.Index == OneOff || !m.chosen(c.Ref.Name) || !fits(c) {
			continue
		}
		met[c.Ref.Name] = true
		do(c)
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(m.opt.Only))) {
		if !met[name] {
			m.problem("service %q %s", name, lacks)
		}
	}
}
