package planner

import (
	"fmt"
	"slices"
)

// hooks plans the containers of pre_start, in their order, before r starts: once
// for all replicas, or for each. It gives what the start waits for.
func (m *maker) hooks(r *replica, ready []StepID) []StepID {
	last, ran := m.hooked[r.want.Name]
	first := true
	for i := range r.want.PreStart {
		h := &r.want.PreStart[i]
		if ran && !h.PerReplica {
			continue
		}
		needs := append(m.places(&h.Service), last...)
		if first {
			needs = slices.Concat(needs, ready, m.oldHooks(r.want.Name))
		}
		first = false
		needs = append(needs, m.bring(&h.Service)...)
		last = []StepID{m.hook(r, i, needs)}
	}
	if !ran && len(r.want.PreStart) > 0 {
		m.hooked[r.want.Name] = lastShared(r)
	}
	return last
}

// lastShared is the last hook that r has run for all replicas.
func lastShared(r *replica) []StepID {
	for i := len(r.want.PreStart) - 1; i >= 0; i-- {
		if !r.want.PreStart[i].PerReplica {
			return []StepID{hookID(r, i)}
		}
	}
	return nil
}

func hookID(r *replica, i int) StepID { return StepID(fmt.Sprintf("pre-start/%s[%d]", r.ref, i)) }

func (m *maker) hook(r *replica, i int, needs []StepID) StepID {
	return m.add(Step{
		ID:         hookID(r, i),
		Op:         OpHook,
		Ref:        r.ref,
		Object:     ContainerID(m.stack, fmt.Sprintf("%s/pre-start/%d", r.want.Name, i), r.ref.Index, r.gen), // no service has such a name
		Digest:     m.digest(&r.want.PreStart[i].Service),
		Generation: r.gen,
		Grace:      m.grace(r.want),
		Hook:       i,
		Reason:     Reason{Code: DependencyOf, Detail: r.want.Name + " starts"},
		Needs:      needs,
	})
}

// oldHooks plans that the containers of hooks go which a killed run has left of a
// service: nobody else has any, as who runs them holds the stack's lock. It gives
// what new ones wait for.
func (m *maker) oldHooks(service string) []StepID {
	var gone []StepID
	for i := range m.have.Containers {
		if c := &m.have.Containers[i]; c.Prepares > 0 && c.Ref.Name == service {
			m.gone(c, Reason{Code: Leftover, Detail: "its run was interrupted"})
			gone = append(gone, removeID(c))
		}
	}
	return gone
}
