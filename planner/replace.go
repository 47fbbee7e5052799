package planner

import (
	"slices"
	"time"

	"stackup.dev/stackup/spec"
)

// planReplica plans all that one wanted replica needs.
func (m *maker) planReplica(r *replica) {
	ready := m.make(r)
	if r.runs {
		for _, old := range r.olds {
			m.gone(old, oldReason(r, old))
		}
		return
	}
	ready = append(ready, m.endLost(r.want.Name)...)
	ready = append(ready, m.dependencies(r)...)
	if r.cur != nil {
		ready = append(ready, m.places(r.want)...)
	}
	ready = append(ready, m.hooks(r, ready)...)
	if !m.again[r.id] {
		ready = append(ready, m.stopFollowers(r.want.Name, ready)...)
	}
	stops := m.stopOlds(r, ready)
	up := []StepID{m.begin(r, slices.Concat(ready, stops))}
	if serving := r.serving(); serving != nil {
		if m.ready(r.want) == spec.Healthy {
			up = append(up, m.wait(r, spec.Healthy, Reason{Code: DependencyOf, Detail: "the old container goes once this one is healthy"}))
		}
		m.rescue(r, serving, up)
	}
	for _, old := range r.olds {
		m.remove(old, oldReason(r, old), up)
	}
}

// endLost plans that processes of a service's replicas which the engine has lost end
// before anything else uses what they write to, as another incarnation or pre_start does.
func (m *maker) endLost(service string) (ends []StepID) {
	for i := range m.have.Containers {
		c := &m.have.Containers[i]
		if c.Task != TaskOrphaned || c.Ref.Name != service || c.Ref.Index < 1 || c.Ref.Index > m.want.Service(service).Replicas {
			continue
		}
		reason := Reason{Code: NotRunning}
		for j := range m.replicas[service] {
			if r := &m.replicas[service][j]; r.ref == c.Ref && r.cur != c {
				reason = oldReason(r, c)
			}
		}
		reason.Detail = taskWord(c)
		ends = append(ends, m.stop(c, reason, nil))
	}
	return ends
}

// make plans the incarnation itself: a new one, or new live fields for the
// one that is there. It gives what must be done before it can start.
func (m *maker) make(r *replica) []StepID {
	if r.cur == nil {
		return []StepID{m.create(r)}
	}
	fields := spec.DiffLive(&r.cur.Service, r.want)
	if len(fields) == 0 || m.opt.NoRecreate && r.cur.Hash != r.want.Hash() { // its record must not say that all is as wanted
		return nil
	}
	return []StepID{m.add(Step{
		ID:     StepID("update/" + r.ref.String()),
		Op:     OpUpdate,
		Ref:    r.ref,
		Object: r.id,
		Reason: Reason{Code: ConfigChanged, Fields: fields},
	})}
}

func (m *maker) create(r *replica) StepID {
	needs := append(m.places(r.want), m.bring(r.want)...)
	return m.add(Step{
		ID:         StepID("create/" + r.ref.String()),
		Op:         OpCreate,
		Ref:        r.ref,
		Object:     r.id,
		Digest:     m.digest(r.want),
		Generation: r.gen,
		Renewed:    m.renewed(r),
		Reason:     m.why(r),
		Needs:      needs,
	})
}

func (m *maker) begin(r *replica, needs []StepID) StepID {
	if m.again[r.id] {
		return m.comeBack(r, needs)
	}
	return m.start(r, needs)
}

func (m *maker) start(r *replica, needs []StepID) StepID {
	reason := Reason{Code: NotRunning}
	if r.cur == nil {
		reason = m.why(r)
	} else {
		reason.Detail = taskWord(r.cur)
	}
	return m.add(Step{ID: r.startID(), Op: OpStart, Ref: r.ref, Object: r.id, Reason: reason, Needs: needs})
}

// stopOlds stops the old incarnations, so that no two hold one port or name.
// The serving one goes last, when everything else that the new one's start
// needs is done: from then on only the start itself can fail.
func (m *maker) stopOlds(r *replica, ready []StepID) []StepID {
	serving := r.serving()
	var stops []StepID
	for _, old := range r.olds {
		if old != serving && mustStop(old, true) {
			stops = append(stops, m.stop(old, oldReason(r, old), ready))
		}
	}
	if serving != nil {
		stops = append(stops, m.stop(serving, oldReason(r, serving), slices.Concat(ready, stops)))
	}
	return stops
}

// rescue plans how the serving container comes back if its successor does not
// get up.
func (m *maker) rescue(r *replica, serving *Container, up []StepID) {
	reason := Reason{Code: Replaced, Detail: "its successor did not get up"}
	undo := m.add(Step{
		ID:     StepID("undo-stop/" + r.id),
		Op:     OpStop,
		Ref:    r.ref,
		Object: r.id,
		Grace:  m.grace(r.want),
		Reason: reason,
		Needs:  []StepID{stopID(serving)},
		Rescue: up,
	})
	m.add(Step{
		ID:     undoStart(serving.ID),
		Op:     OpStart,
		Ref:    r.ref,
		Object: serving.ID,
		Reason: reason,
		Needs:  []StepID{undo},
		Rescue: up,
	})
}

func oldReason(r *replica, old *Container) Reason {
	if old.Generation > r.gen {
		return Reason{Code: Leftover, Detail: "never took over"}
	}
	return Reason{Code: Replaced}
}

// probed says whether a service states a health probe of its own.
func probed(s *spec.Service) bool { return s.Healthcheck != nil && !s.Healthcheck.Disable }

// grace is how long a container of s may take to stop.
func (m *maker) grace(s *spec.Service) time.Duration {
	if m.opt.Timeout != nil {
		return *m.opt.Timeout
	}
	return time.Duration(s.StopGrace)
}
