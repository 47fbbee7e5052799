package planner

import (
	"maps"
	"slices"

	"stackup.dev/stackup/spec"
)

// MakeRemove plans that the containers of the services of o.Only, or of all,
// are removed that do not run, and with stop those that do as well, stopped
// first. Of the anonymous volumes whose users are known those go too that
// nobody uses any more.
func MakeRemove(desired *spec.Stack, actual State, stop bool, o Options) (*Plan, error) {
	m, err := newCommand(desired, actual, Options{Only: o.Only, Timeout: o.Timeout})
	if err != nil {
		return nil, err
	}
	var list []*Container
	for i := range m.have.Containers {
		c := &m.have.Containers[i]
		if !c.Partial && c.Ref.Index != OneOff && m.chosen(c.Ref.Name) && (stop || !c.Task.Runs()) {
			list = append(list, c)
		}
	}
	m.allGone(list, Reason{Code: Forced})
	m.unused(list)
	return m.plan()
}

// removeRenewed plans that the anonymous volumes go in whose place new ones come.
func (m *maker) removeRenewed() {
	if !m.opt.RenewVolumes {
		return
	}
	var list []*Container
	for i := range m.have.Containers {
		c := &m.have.Containers[i]
		if gone := m.byID[removeID(c)]; gone != nil && gone.Reason.Code == Replaced {
			list = append(list, c)
		}
	}
	m.unused(list)
}

// unused plans that the anonymous volumes go that nothing but the list uses.
func (m *maker) unused(list []*Container) {
	users := m.have.Users
	for _, name := range slices.Sorted(maps.Keys(users)) {
		var needs []StepID
		for _, c := range list {
			if slices.Contains(users[name], c.ID) {
				needs = append(needs, removeID(c))
			}
		}
		if len(needs) == 0 || len(needs) < len(users[name]) {
			continue
		}
		m.add(Step{
			ID: StepID("remove/volume/" + name), Op: OpRemove, Ref: Ref{Kind: KindVolume, Name: name}, Object: name,
			Reason: Reason{Code: Forced, Detail: "anonymous volume"}, Needs: needs, Danger: true,
		})
	}
}
