package planner

import (
	"math/rand/v2"
	"slices"
)

// run carries out a whole plan in the given order.
func (w *world) run(steps []Step) error {
	for _, s := range steps {
		if len(s.Rescue) > 0 {
			continue
		}
		if err := w.apply(s); err != nil {
			return err
		}
	}
	return nil
}

// anyOrder gives a random order that respects what steps need.
func anyOrder(steps []Step, r *rand.Rand) []Step {
	left, done := slices.Clone(steps), map[StepID]bool{}
	var out []Step
	for len(left) > 0 {
		var ready []int
		for i, s := range left {
			if !slices.ContainsFunc(s.Needs, func(id StepID) bool { return !done[id] }) {
				ready = append(ready, i)
			}
		}
		if len(ready) == 0 {
			return append(out, left...) // a broken plan: another law tells
		}
		i := ready[r.IntN(len(ready))]
		out, done[left[i].ID] = append(out, left[i]), true
		left = slices.Delete(left, i, i+1)
	}
	return out
}

// runFailing carries out a plan of which one step fails, or which is cut short
// before it, by the rules of the executor.
func (w *world) runFailing(steps []Step, bad StepID, cut bool) error {
	w.failing = true
	defer func() { w.failing = false }()
	ok := map[StepID]bool{}
	over := false
	for _, s := range steps {
		all := !slices.ContainsFunc(s.Needs, func(id StepID) bool { return !ok[id] })
		if len(s.Rescue) > 0 {
			lost := slices.ContainsFunc(s.Rescue, func(id StepID) bool { return !ok[id] })
			if !all || !lost {
				continue
			}
		} else {
			over = over || cut && s.ID == bad
			if !all || over || s.ID == bad {
				continue
			}
		}
		if err := w.apply(s); err != nil {
			return err
		}
		ok[s.ID] = true
	}
	return nil
}

// half leaves what a step leaves that is killed in its middle.
func (w *world) half(s Step) {
	if s.Ref.Kind != KindContainer {
		return
	}
	switch s.Op {
	case OpCreate:
		w.boxes[s.Object] = Container{ID: s.Object, Ref: s.Ref, Generation: s.Generation, Partial: true, Task: TaskNone}
	case OpStart:
		b := w.boxes[s.Object]
		b.Task = TaskCreated
		w.boxes[s.Object] = b
	case OpRemove:
		b := w.boxes[s.Object]
		b.Partial, b.Task, b.Service.Restart.Policy = true, TaskNone, ""
		w.boxes[s.Object] = b
	case OpPull, OpLoad, OpBuild, OpPush, OpUpdate, OpHook, OpWait, OpStop, OpRepair, OpKill, OpPause, OpUnpause:
	}
}

func (w *world) reboot() {
	for id, b := range w.boxes {
		b.Task, b.Health, b.ExitCode = TaskNone, HealthNone, 0
		w.boxes[id] = b
	}
}
