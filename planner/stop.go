package planner

import (
	"slices"
	"time"

	"stackup.dev/stackup/spec"
)

// MakeStop plans that the containers of some services stop, or those of all for
// nil, dependents before what they depend on; nothing is removed, and one-off
// containers go on. timeout, if
// not nil, overrides the services' own grace. It is as pure as Make.
func MakeStop(actual State, services []string, timeout *time.Duration) (*Plan, error) {
	m := newMaker(&spec.Stack{Name: actual.Stack}, actual, Options{Timeout: timeout})
	var list []*Container
	for i := range m.have.Containers {
		c := &m.have.Containers[i]
		if services != nil && !slices.Contains(services, c.Ref.Name) {
			continue
		}
		if !c.Partial && c.Ref.Index != OneOff && mustStop(c, false) {
			list = append(list, c)
			m.stop(c, Reason{Code: Forced}, nil)
		}
	}
	m.orderStops(list)
	steps, err := order(m.steps)
	if err != nil {
		return nil, err
	}
	return &Plan{Prior: actual, Stack: actual.Stack, Steps: steps}, nil
}
