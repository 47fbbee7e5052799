package planner

import (
	"cmp"
	"slices"
)

// kept lists what was seen and no step changes.
func (m *maker) kept() []Kept {
	touched := map[string]bool{}
	for _, s := range m.steps {
		if s.Op != OpWait && s.Op != OpPull && s.Op != OpLoad && s.Op != OpBuild && s.Op != OpPush {
			touched[string(s.Ref.Kind)+"/"+s.Object] = true
		}
	}
	var out []Kept
	keep := func(ref Ref, object string) {
		if !touched[string(ref.Kind)+"/"+object] {
			out = append(out, Kept{Ref: ref, Object: object})
		}
	}
	for _, n := range m.have.Networks {
		if n.Stack == m.stack {
			keep(Ref{Kind: KindNetwork, Name: keyOr(n.Key, n.Name)}, n.Name)
		}
	}
	for _, v := range m.have.Volumes {
		if v.Stack == m.stack {
			keep(Ref{Kind: KindVolume, Name: keyOr(v.Key, v.Name)}, v.Name)
		}
	}
	for _, c := range m.have.Containers {
		keep(c.Ref, c.ID)
	}
	slices.SortFunc(out, func(a, b Kept) int {
		return cmp.Or(cmp.Compare(a.Ref.Kind, b.Ref.Kind), cmp.Compare(a.Ref.Name, b.Ref.Name),
			cmp.Compare(a.Ref.Index, b.Ref.Index), cmp.Compare(a.Object, b.Object))
	})
	return out
}

// notePaused tells of frozen containers, which are left as they are.
func (m *maker) notePaused() {
	for i := range m.have.Containers {
		c := &m.have.Containers[i]
		if c.Task == TaskPaused && m.byID[stopID(c)] == nil {
			m.notices = append(m.notices, "container "+shownName(c)+" is paused and is left so")
		}
	}
}
