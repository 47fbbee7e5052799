package planner

import (
	"errors"
	"fmt"
	"slices"

	"stackup.dev/stackup/spec"
)

func (w *world) container(s Step) error {
	if s.Op == OpCreate {
		return w.create(s)
	}
	b, ok := w.boxes[s.Object]
	if !ok || b.Ref != s.Ref {
		return fmt.Errorf("no container %q of %s", s.Object, s.Ref)
	}
	service := w.want.Service(s.Ref.Name)
	if service == nil && (s.Op == OpUpdate || s.Op == OpStart) {
		return fmt.Errorf("cannot %s what is not wanted", s.Op)
	}
	var err error
	switch s.Op {
	case OpUpdate:
		b.Service = *service
	case OpStart:
		err = w.start(&b, len(s.Rescue) > 0)
	case OpWait:
		err = wait(&b, s.Until)
	case OpStop:
		err = w.stop(&b)
	case OpRemove:
		if b.Task.Runs() {
			return errors.New("is running")
		}
		delete(w.boxes, b.ID)
		return nil
	default:
		return fmt.Errorf("cannot %s a container", s.Op)
	}
	w.boxes[b.ID] = b
	return err
}

func (w *world) create(s Step) error {
	service := w.want.Service(s.Ref.Name)
	if _, ok := w.boxes[s.Object]; ok || service == nil {
		return fmt.Errorf("%q is there already, or not wanted", s.Object)
	}
	i := w.images[service.Image]
	if s.Digest == "" && i.Build != nil {
		s.Digest = i.Local // whatever was built
	}
	if i.Local != s.Digest || s.Digest == "" || dueToBuild(i) {
		return fmt.Errorf("no image %s at %q", service.Image, s.Digest)
	}
	if err := w.hasPlaces(service); err != nil {
		return err
	}
	w.boxes[s.Object] = Container{
		ID: s.Object, Ref: s.Ref, Generation: s.Generation, Digest: s.Digest,
		Hash: service.Hash(), Service: *service, Networks: w.networksOf(service), Task: TaskNone,
	}
	return nil
}

func (w *world) networksOf(s *spec.Service) []spec.Network {
	out := []spec.Network{}
	for _, a := range s.Networks {
		for _, n := range w.want.Networks {
			if n.Key == a.Network {
				out = append(out, n)
			}
		}
	}
	return out
}

func (w *world) hasPlaces(s *spec.Service) error {
	for _, n := range w.networksOf(s) {
		if _, ok := w.networks[n.Name]; !ok {
			return fmt.Errorf("no network %s", n.Name)
		}
	}
	for _, m := range s.Mounts {
		if _, ok := w.volumes["demo_"+m.Source]; !ok {
			return fmt.Errorf("no volume %s", m.Source)
		}
	}
	return nil
}

func (w *world) start(b *Container, rescue bool) error {
	if b.Task.Runs() || b.Partial {
		return errors.New("cannot be started: runs, or is not whole")
	}
	for _, o := range w.boxes {
		if o.Ref == b.Ref && o.Task.Runs() {
			return fmt.Errorf("%s runs already", o.ID)
		}
	}
	if !rescue {
		service := w.want.Service(b.Ref.Name)
		if err := w.hasPlaces(service); err != nil {
			return err
		}
		// One that only follows what was asked for is not asked about the rest.
		asked := scopeOf(scenario{stack: w.want, opt: w.opt})[service.Name]
		if err := w.dependenciesHold(service); err != nil && asked {
			return err
		}
	}
	b.Task, b.Health, b.ExitCode = TaskRunning, HealthNone, 0
	if probed(&b.Service) {
		b.Health = HealthStarting
	}
	return nil
}

func (w *world) dependenciesHold(s *spec.Service) error {
	for _, d := range s.DependsOn {
		dep := w.want.Service(d.Service)
		for n := 1; n <= dep.Replicas; n++ {
			if !w.holdsFor(Ref{KindContainer, dep.Name, n}, d.Condition) {
				return fmt.Errorf("started before %s.%d was %s", dep.Name, n, d.Condition)
			}
		}
	}
	return nil
}

func (w *world) holdsFor(ref Ref, cond spec.Condition) bool {
	for _, b := range w.boxes {
		// A dependency that was got back after its replacement failed has
		// started too.
		if b.Ref != ref || b.Partial || !w.fits(b) && (!w.failing || cond != spec.Started) {
			continue
		}
		exited := b.Task == TaskStopped && b.ExitCode == 0
		switch cond {
		case spec.Healthy:
			if live(&b) && b.Health == HealthHealthy {
				return true
			}
		case spec.Completed:
			if exited {
				return true
			}
		case spec.Started:
			if live(&b) || exited {
				return true
			}
		}
	}
	return false
}

func wait(b *Container, cond spec.Condition) error {
	exited := b.Task == TaskStopped && b.ExitCode == 0
	switch {
	case cond == spec.Started && (live(b) || exited):
	case cond == spec.Healthy && live(b):
		b.Health = HealthHealthy
	case cond == spec.Completed && (live(b) || exited):
		b.Task, b.ExitCode, b.Health = TaskStopped, 0, HealthNone
	default:
		return fmt.Errorf("can never be %q", cond)
	}
	return nil
}

// stop ends a container. A running one that is still wanted may only go when
// what takes its place exists.
func (w *world) stop(b *Container) error {
	if b.Task == TaskRunning && w.wanted(b.Ref) {
		heir := false
		for _, o := range w.boxes {
			heir = heir || o.Ref == b.Ref && o.ID != b.ID && !o.Partial
		}
		if !heir && !slices.ContainsFunc(w.want.Service(b.Ref.Name).DependsOn, func(d spec.Dependency) bool { return d.Restart }) {
			return errors.New("stopped without a replacement")
		}
	}
	if b.Task != TaskNone {
		b.Task, b.ExitCode, b.Health = TaskStopped, 143, HealthNone
	}
	return nil
}

func (w *world) wanted(ref Ref) bool {
	s := w.want.Service(ref.Name)
	return !w.opt.Down && s != nil && ref.Index >= 1 && ref.Index <= s.Replicas
}
