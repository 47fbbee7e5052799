package planner

import (
	"slices"

	"stackup.dev/stackup/spec"
)

// Whole is the desired stack, or where only its name is known what its
// containers were made from: of several of a service the newest says how it is.
func Whole(desired *spec.Stack, actual State) *spec.Stack {
	if len(desired.Services)+len(desired.Disabled) > 0 {
		return desired
	}
	out := *desired
	newest := map[string]int{}
	for _, c := range sorted(actual.Containers, func(c Container) string { return c.ID }) {
		if c.Partial || c.Ref.Index == OneOff {
			continue
		}
		out.Networks = withPlaces(out.Networks, c.Networks, func(n spec.Network) string { return n.Key })
		out.Volumes = withPlaces(out.Volumes, c.Volumes, func(v spec.Volume) string { return v.Key })
		i := slices.IndexFunc(out.Services, func(s spec.Service) bool { return s.Name == c.Ref.Name })
		switch {
		case i < 0:
			out.Services = append(out.Services, c.Service)
		case c.Generation > newest[c.Ref.Name]:
			out.Services[i] = c.Service
		}
		newest[c.Ref.Name] = max(newest[c.Ref.Name], c.Generation)
	}
	return &out
}

// withPlaces adds those of more whose keys list has not.
func withPlaces[T any](list, more []T, key func(T) string) []T {
	list = slices.Clip(list)
	for _, m := range more {
		if !slices.ContainsFunc(list, func(o T) bool { return key(o) == key(m) }) {
			list = append(list, m)
		}
	}
	return list
}

// present gives the replicas of s that have a container, whatever number is
// wanted: the one that runs, else the newest.
func (m *maker) present(s *spec.Service) []replica {
	var out []replica
	seen := map[Ref]bool{}
	for _, c := range m.have.Containers {
		if c.Partial || c.Ref.Name != s.Name || c.Ref.Index == OneOff || seen[c.Ref] {
			continue
		}
		seen[c.Ref] = true
		r := replica{ref: c.Ref, want: s, olds: m.incarnations(c.Ref)}
		if !r.adopt(live) {
			r.adopt(func(*Container) bool { return true })
		}
		r.runs = live(r.cur)
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b replica) int { return a.ref.Index - b.ref.Index })
	return out
}

// hasContainers says whether s is made of containers that a command can act on.
func hasContainers(s *spec.Service) bool { return s.Provider == nil && s.Job == "" && s.Replicas > 0 }
