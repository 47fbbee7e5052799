package planner

import (
	"slices"

	"stackup.dev/stackup/spec"
)

// removeNetworks plans that networks of the stack which the file no longer
// has go, unless a container that stays is still in one.
func (m *maker) removeNetworks() {
	wanted := map[string]bool{}
	for _, n := range m.want.Networks {
		wanted[n.Name] = true
	}
	removes := m.containerRemoves()
	for _, n := range m.have.Networks {
		if n.Stack != m.stack || wanted[n.Name] || m.inUse(n) {
			continue
		}
		m.add(Step{
			ID:     StepID("remove/network/" + n.Name),
			Op:     OpRemove,
			Ref:    Ref{Kind: KindNetwork, Name: keyOr(n.Key, n.Name)},
			Object: n.Name,
			Reason: m.placeReason(),
			Needs:  removes,
		})
	}
}

// removeVolumes plans that all volumes of the stack go. Only ever with consent.
func (m *maker) removeVolumes() {
	removes := m.containerRemoves()
	for _, v := range m.have.Volumes {
		if v.Stack != m.stack || m.mounted(v) {
			continue
		}
		m.add(Step{
			ID:     StepID("remove/volume/" + v.Name),
			Op:     OpRemove,
			Ref:    Ref{Kind: KindVolume, Name: keyOr(v.Key, v.Name)},
			Object: v.Name,
			Reason: m.placeReason(),
			Needs:  removes,
			Danger: true,
		})
	}
}

// mounted says whether a container that stays uses the volume.
func (m *maker) mounted(v Volume) bool {
	for i := range m.have.Containers {
		c := &m.have.Containers[i]
		if m.byID[removeID(c)] == nil && uses(c, v) {
			return true
		}
	}
	return false
}

// uses errs to the safe side: nobody knows which anonymous volumes a
// container has.
func uses(c *Container, v Volume) bool {
	if v.Anonymous || c.Volumes == nil {
		return true
	}
	return slices.ContainsFunc(c.Volumes, func(u spec.Volume) bool { return u.Name == v.Name })
}

func (m *maker) placeReason() Reason {
	if m.opt.Down {
		return Reason{Code: Down}
	}
	return Reason{Code: Orphan}
}

// containerRemoves gives all planned removals of containers.
func (m *maker) containerRemoves() []StepID {
	var out []StepID
	for _, s := range m.steps {
		if s.Op == OpRemove && s.Ref.Kind == KindContainer {
			out = append(out, s.ID)
		}
	}
	return out
}

// inUse says whether a container that stays is in n.
func (m *maker) inUse(n Network) bool {
	for i := range m.have.Containers {
		c := &m.have.Containers[i]
		if m.byID[removeID(c)] == nil && isIn(c, n) {
			return true
		}
	}
	return false
}

func isIn(c *Container, n Network) bool {
	if c.Networks == nil {
		return c.Service.Joins(n.Key)
	}
	for _, joined := range c.Networks {
		if joined.Name == n.Name {
			return true
		}
	}
	return false
}

func keyOr(key, name string) string {
	if key != "" {
		return key
	}
	return name
}
