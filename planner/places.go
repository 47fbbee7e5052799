package planner

import (
	"fmt"
	"slices"
	"strings"

	"stackup.dev/stackup/spec"
)

func networkStep(key string) StepID { return StepID("create/network/" + key) }

func repairStep(key string) StepID { return StepID("repair/network/" + key) }

func volumeStep(key string) StepID { return StepID("create/volume/" + key) }

// places gives the networks and volumes that must be made before s can be.
func (m *maker) places(s *spec.Service) []StepID {
	var needs []StepID
	for _, a := range s.Networks {
		for _, id := range []StepID{networkStep(a.Network), repairStep(a.Network)} {
			if m.byID[id] != nil {
				needs = append(needs, id)
			}
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
		if m.used(func(s *spec.Service) bool { return s.Joins(n.Key) }) {
			m.sameSettings(n)
			m.createPlace(place{KindNetwork, n.Key, n.Name, n.External}, owners)
			m.repairNetwork(n)
		}
	}
}

// shownLosses is how many losses a reason lists.
const shownLosses = 3

// repairNetwork plans that what a network has lost is put back; an external one too, since
// containers of the stack are on it.
func (m *maker) repairNetwork(n spec.Network) {
	for _, have := range m.have.Networks {
		if have.Name != n.Name || len(have.Lost) == 0 || !n.External && have.Stack != m.stack {
			continue
		}
		lost := slices.Clone(have.Lost)
		if more := len(lost) - shownLosses; more > 1 {
			lost = append(lost[:shownLosses], fmt.Sprintf("%d more", more))
		}
		m.add(Step{
			ID:     repairStep(n.Key),
			Op:     OpRepair,
			Ref:    Ref{Kind: KindNetwork, Name: n.Key},
			Object: n.Name,
			Reason: Reason{Code: Lost, Detail: strings.Join(lost, "; ")},
		})
	}
}

// sameSettings refuses to leave a network as it is that the file wants
// otherwise: it cannot be changed under its containers.
func (m *maker) sameSettings(n spec.Network) {
	for _, have := range m.have.Networks {
		if have.Name != n.Name || n.External || have.Stack != m.stack {
			continue
		}
		made := have.Made.Settings()
		for i, now := range n.Settings() {
			if old := made[i].Value; old != now.Value {
				m.problem("network %s: %s is %q and shall be %q: a network is not changed under its containers; run stackup down, then up", n.Key, now.Name, old, now.Value)
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
		if m.used(func(s *spec.Service) bool { return s.MountsVolume(v.Key) }) {
			m.sameVolume(v)
			m.createPlace(place{KindVolume, v.Key, v.Name, v.External}, owners)
		}
	}
}

// sameVolume refuses to leave a volume as it is that the file wants to lie
// elsewhere: its data would be lost to its users. Labels change in place.
func (m *maker) sameVolume(v spec.Volume) {
	for _, have := range m.have.Volumes {
		if have.Name != v.Name || v.External || have.Stack != m.stack {
			continue
		}
		if have.Made != v.Local {
			m.problem("volume %s: its driver_opts have changed (type %s, device %s; now type %s, device %s): a volume is not changed under its data; "+
				"run stackup down, stackup volumes rm %s (what it holds itself is lost), then up",
				v.Key, orNone(have.Made.Type), orNone(have.Made.Device), orNone(v.Local.Type), orNone(v.Local.Device), v.Name)
		}
		if fields := spec.DiffPairs("labels", have.Labels, v.Labels); len(fields) > 0 {
			m.add(Step{
				ID:     StepID("update/volume/" + v.Key),
				Op:     OpUpdate,
				Ref:    Ref{Kind: KindVolume, Name: v.Key},
				Object: v.Name,
				Reason: Reason{Code: ConfigChanged, Fields: fields},
			})
		}
	}
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// used says whether a network or volume is needed: all of the file are,
// unless the plan is for some services only.
func (m *maker) used(by func(*spec.Service) bool) bool {
	if !m.narrowed() {
		return true
	}
	for i := range m.want.Services {
		if s := &m.want.Services[i]; (m.scope[s.Name] || m.uses(s) || m.comesBack(s)) && by(s) {
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
