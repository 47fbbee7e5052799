package planner

import (
	"cmp"
	"fmt"
	"slices"

	"stackup.dev/stackup/spec"
)

// replica is one wanted replica, with all of its incarnations.
type replica struct {
	ref  Ref
	want *spec.Service
	cur  *Container   // incarnation that is as wanted; nil: one must be made
	id   string       // of cur, or of the one to make
	gen  int          // likewise
	olds []*Container // all other incarnations, oldest first
	runs bool         // cur is left as it is: it runs, or has done its work
}

// observe sorts out the incarnations of all replicas of s.
func (m *maker) observe(s *spec.Service) []replica {
	hash := s.Hash()
	out := make([]replica, 0, s.Replicas)
	for n := 1; n <= s.Replicas; n++ {
		r := replica{ref: Ref{Kind: KindContainer, Name: s.Name, Index: n}, want: s}
		r.olds = m.incarnations(r.ref)
		fits := func(c *Container) bool { return m.current(c, s, hash) }
		if !r.adopt(func(c *Container) bool { return live(c) && fits(c) }) {
			r.adopt(fits)
		}
		if r.cur == nil {
			r.gen, r.id = m.next(r.ref)
		}
		r.runs = r.cur != nil && (live(r.cur) || m.doneWith(r.cur))
		out = append(out, r)
	}
	return out
}

// incarnations finds all whole containers of a replica, oldest first.
func (m *maker) incarnations(ref Ref) []*Container {
	var out []*Container
	for _, c := range m.byRef[ref] {
		if !c.Partial {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, byGeneration)
	return out
}

// adopt makes the newest fitting incarnation the current one. One that runs
// comes before a newer one that does not.
func (r *replica) adopt(fits func(*Container) bool) bool {
	for i := len(r.olds) - 1; i >= 0; i-- {
		if c := r.olds[i]; fits(c) {
			r.cur, r.id, r.gen = c, c.ID, c.Generation
			r.olds = slices.Delete(r.olds, i, i+1)
			return true
		}
	}
	return false
}

// current says whether c is what s asks for.
func (m *maker) current(c *Container, s *spec.Service, hash string) bool {
	switch {
	case m.opt.NoRecreate:
		return c.Hash != "" // or it could not start
	case m.forced(s.Name) || c.Hash != hash || m.due(s.Image):
		return false
	}
	wanted := m.digest(s)
	// With the image gone and its registry out of reach, nobody can say that
	// the container is out of date.
	return (wanted == "" || c.Digest == wanted) && len(m.moved(c, s)) == 0 && len(m.remounted(c, s)) == 0
}

// forced says whether containers of a service are replaced whatever they are.
func (m *maker) forced(service string) bool {
	if m.named(service) {
		return m.opt.ForceRecreate
	}
	return m.opt.RecreateDeps
}

// named says whether a service is brought up for its own sake.
func (m *maker) named(service string) bool {
	return len(m.opt.Only) == 0 || slices.Contains(m.opt.Only, service)
}

func byGeneration(a, b *Container) int { return cmp.Compare(a.Generation, b.Generation) }

// next gives the generation and ID of the incarnation to make: above
// everything that was ever begun for the replica.
func (m *maker) next(ref Ref) (gen int, id string) {
	for _, c := range m.byRef[ref] {
		gen = max(gen, c.Generation)
	}
	for {
		gen++
		id = ContainerID(m.stack, ref.Name, ref.Index, gen)
		if !m.taken[id] {
			return gen, id
		}
	}
}

// live says whether c has a process that holds its place. A paused container
// does: whoever froze it did so on purpose.
func live(c *Container) bool { return c.Task == TaskRunning || c.Task == TaskPaused }

// doneWith says whether c is a one-shot that has done its work.
func (m *maker) doneWith(c *Container) bool {
	return m.oneShot[c.Ref.Name] && c.Task == TaskStopped && c.ExitCode == 0
}

// serving is the old incarnation that must be got back if its successor fails.
func (r *replica) serving() *Container {
	for i := len(r.olds) - 1; i >= 0; i-- {
		if r.olds[i].Task == TaskRunning {
			return r.olds[i]
		}
	}
	return nil
}

func (r *replica) startID() StepID { return startID(r.ref) }

func startID(ref Ref) StepID { return StepID("start/" + ref.String()) }

// taskWord says what a container that does not run is doing.
func taskWord(c *Container) string {
	switch c.Task {
	case TaskStopped:
		return fmt.Sprintf("exited with code %d", c.ExitCode)
	case TaskCreated:
		return "its start was interrupted"
	case TaskOrphaned:
		return "orphaned: the engine has lost its processes, which still run"
	case TaskNone, TaskRunning, TaskPaused:
	}
	return "no task"
}
