package planner

import (
	"stackup.dev/stackup/spec"
)

// dependencies gives what must have happened elsewhere before r may start
// (Compose Specification, depends_on). Every replica of a dependency counts.
func (m *maker) dependencies(r *replica) []StepID {
	var needs []StepID
	for _, d := range sorted(r.want.DependsOn, func(d spec.Dependency) string { return d.Service }) {
		reason := Reason{Code: DependencyOf, Detail: r.want.Name + " needs it"}
		for i := range m.replicas[d.Service] {
			needs = append(needs, m.await(&m.replicas[d.Service][i], d.Condition, reason)...)
		}
	}
	return needs
}

// await gives the steps after which cond holds of r; none if it holds now.
func (m *maker) await(r *replica, cond spec.Condition, reason Reason) []StepID {
	switch {
	case m.holds(r, cond):
		return nil
	case cond == spec.Healthy || cond == spec.Completed:
		return []StepID{m.wait(r, cond, reason)}
	default:
		return []StepID{r.startID()}
	}
}

// holds says whether cond was observed of r and stays so in this plan.
func (m *maker) holds(r *replica, cond spec.Condition) bool {
	switch cond {
	case spec.Healthy:
		return r.runs && live(r.cur) && r.cur.Health == HealthHealthy
	case spec.Completed:
		return r.runs && m.doneWith(r.cur)
	case spec.Started:
	}
	return r.runs
}

func (m *maker) wait(r *replica, cond spec.Condition, reason Reason) StepID {
	s := Step{
		ID:     StepID("wait/" + r.ref.String() + ":" + string(cond)),
		Op:     OpWait,
		Ref:    r.ref,
		Object: r.id,
		Until:  cond,
		Reason: reason,
	}
	if !r.runs {
		s.Needs = []StepID{r.startID()}
	}
	return m.add(s)
}

// waitForAll plans what up --wait waits for.
func (m *maker) waitForAll() {
	if !m.opt.Wait {
		return
	}
	for _, s := range m.want.Services {
		for i := range m.replicas[s.Name] {
			r, cond := &m.replicas[s.Name][i], m.ready(&s)
			if !m.holds(r, cond) {
				m.wait(r, cond, Reason{Code: Forced, Detail: "--wait"})
			}
		}
	}
}

// ready is what must hold of a service for it to count as up.
func (m *maker) ready(s *spec.Service) spec.Condition {
	switch {
	case m.oneShot[s.Name]:
		return spec.Completed
	case probed(s):
		return spec.Healthy
	default:
		return spec.Started
	}
}
