package planner

import (
	"fmt"

	"stackup.dev/stackup/spec"
)

func networkStep(key string) StepID { return StepID("create/network/" + key) }

func volumeStep(key string) StepID { return StepID("create/volume/" + key) }

// places gives the networks and volumes that must be made before s can be.
func (m *maker) places(s *spec.Service) []StepID {
	var needs []StepID
	for _, a := range s.Networks {
		if id := networkStep(a.Network); m.byID[id] != nil {
			needs = append(needs, id)
		}
	}
	for _, mt := range s.Mounts {
		if id := volumeStep(mt.Source); mt.Type == spec.MountVolume && m.byID[id] != nil {
			needs = append(needs, id)
		}
	}
	return needs
}

// createNetworks plans the networks that are missing.
func (m *maker) createNetworks() {
	owners := map[string]string{}
	for _, n := range m.have.Networks {
		owners[n.Name] = n.Stack
	}
	for _, n := range m.want.Networks {
		if m.used(func(s *spec.Service) bool { return joins(s, n.Key) }) {
			m.sameSettings(n)
			m.createPlace(place{KindNetwork, n.Key, n.Name, n.External}, owners)
		}
	}
}

// sameSettings refuses to leave a network as it is that the file wants
// otherwise: it cannot be changed under its containers.
func (m *maker) sameSettings(n spec.Network) {
	for _, have := range m.have.Networks {
		if have.Name != n.Name || n.External || have.Stack != m.stack {
			continue
		}
		for _, c := range []struct{ what, old, now string }{
			{"ipam.config.subnet", have.Made.Subnet, n.Subnet},
			{"ipam.config.gateway", have.Made.Gateway, n.Gateway},
			{"driver_opts.mtu", fmt.Sprint(have.Made.MTU), fmt.Sprint(n.MTU)},
			{"internal", fmt.Sprint(have.Made.Internal), fmt.Sprint(n.Internal)},
		} {
			if c.old != c.now {
				m.problem("network %s: %s is %q and shall be %q: a network is not changed under its containers; run stackup down, then up", n.Key, c.what, c.old, c.now)
			}
		}
	}
}

// createVolumes plans the volumes that are missing.
func (m *maker) createVolumes() {
	owners := map[string]string{}
	for _, v := range m.have.Volumes {
		owners[v.Name] = v.Stack
	}
	for _, v := range m.want.Volumes {
		if m.used(func(s *spec.Service) bool { return mounts(s, v.Key) }) {
			m.createPlace(place{KindVolume, v.Key, v.Name, v.External}, owners)
		}
	}
}

// used says whether a network or volume is needed: all of the file are,
// unless the plan is for some services only.
func (m *maker) used(by func(*spec.Service) bool) bool {
	if !m.narrowed() {
		return true
	}
	for i := range m.want.Services {
		if s := &m.want.Services[i]; (m.scope[s.Name] || m.uses(s)) && by(s) {
			return true
		}
	}
	return false
}

// place is a network or a volume.
type place struct {
	kind     Kind
	key      string
	name     string
	external bool
}

func (m *maker) createPlace(p place, owners map[string]string) {
	owner, exists := owners[p.name]
	switch {
	case p.external && !exists:
		m.problem("%s %s is declared external but does not exist (create it or remove external: true)", p.kind, p.name)
	case p.external || exists && owner == m.stack:
	case exists:
		m.problem("%s %s: the name %s is taken by %s (choose another name, or say external: true to use it)",
			p.kind, p.key, p.name, ownerWord(owner))
	default:
		m.add(Step{
			ID:     StepID("create/" + string(p.kind) + "/" + p.key),
			Op:     OpCreate,
			Ref:    Ref{Kind: p.kind, Name: p.key},
			Object: p.name,
			Reason: Reason{Code: Missing},
		})
	}
}

func ownerWord(stack string) string {
	if stack == "" {
		return "another program"
	}
	return "stack " + stack
}
