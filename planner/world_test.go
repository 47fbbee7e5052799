package planner

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"stackup.dev/stackup/spec"
)

// world is a machine in memory that steps act on. It refuses whatever a real
// one would refuse, and what the laws forbid.
type world struct {
	want     *spec.Stack
	opt      Options
	boxes    map[string]Container
	networks map[string]Network
	volumes  map[string]Volume
	images   map[string]Image
	failing  bool // a step of this run fails
}

func newWorld(c scenario) *world {
	w := &world{
		want: c.stack, opt: c.opt,
		boxes: map[string]Container{}, networks: map[string]Network{}, volumes: map[string]Volume{}, images: map[string]Image{},
	}
	for _, b := range c.state.Containers {
		w.boxes[b.ID] = b
	}
	for _, n := range c.state.Networks {
		w.networks[n.Name] = n
	}
	for _, v := range c.state.Volumes {
		w.volumes[v.Name] = v
	}
	for _, i := range c.state.Images {
		w.images[i.Ref] = i
	}
	return w
}

func (w *world) state() State {
	return State{
		Stack:      "demo",
		Containers: slices.Collect(maps.Values(w.boxes)),
		Networks:   slices.Collect(maps.Values(w.networks)),
		Volumes:    slices.Collect(maps.Values(w.volumes)),
		Images:     slices.Collect(maps.Values(w.images)),
	}
}

// apply carries out one step, or says why that cannot be.
func (w *world) apply(s Step) error {
	var err error
	switch s.Ref.Kind {
	case KindImage:
		err = w.image(s)
	case KindNetwork:
		err = w.network(s)
	case KindVolume:
		err = w.volume(s)
	case KindContainer:
		err = w.container(s)
	default:
		err = fmt.Errorf("kind %q", s.Ref.Kind)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.ID, err)
	}
	return nil
}

func (w *world) image(s Step) error {
	i, ok := w.images[s.Object]
	if s.Op == OpBuild && ok && i.Build != nil {
		w.images[s.Object] = Image{Ref: i.Ref, Local: "sha256:built", Wanted: "sha256:built", Build: &Build{}}
		return nil
	}
	if s.Op != OpPull || !ok || i.Wanted != s.Digest {
		return fmt.Errorf("cannot %s image %q at %q", s.Op, s.Object, s.Digest)
	}
	i.Local = s.Digest
	w.images[s.Object] = i
	return nil
}

func (w *world) network(s Step) error {
	have, exists := w.networks[s.Object]
	switch {
	case s.Op == OpCreate && !exists:
		w.networks[s.Object] = Network{Key: s.Ref.Name, Name: s.Object, Stack: "demo"}
		return nil
	case s.Op == OpRepair && len(have.Lost) > 0:
		have.Lost = nil
		w.networks[s.Object] = have
		return nil
	case s.Op == OpRemove && exists && have.Stack == "demo":
		for _, b := range w.boxes {
			if slices.Contains(networkNames(b), s.Object) {
				return fmt.Errorf("in use by %s", b.ID)
			}
		}
		delete(w.networks, s.Object)
		return nil
	}
	return fmt.Errorf("cannot %s network %q of %q", s.Op, s.Object, have.Stack)
}

func networkNames(b Container) (names []string) {
	if b.Networks != nil {
		for _, n := range b.Networks {
			names = append(names, n.Name)
		}
		return names
	}
	for _, a := range b.Service.Networks {
		names = append(names, "demo_"+a.Network)
	}
	return names
}

func (w *world) volume(s Step) error {
	have, exists := w.volumes[s.Object]
	switch {
	case s.Op == OpCreate && !exists:
		w.volumes[s.Object] = Volume{Key: s.Ref.Name, Name: s.Object, Stack: "demo"}
		return nil
	case s.Op == OpRemove && exists && have.Stack == "demo" && s.Danger && w.opt.RemoveVolumes && w.opt.Down:
		delete(w.volumes, s.Object)
		return nil
	}
	return fmt.Errorf("cannot %s volume %q of %q", s.Op, s.Object, have.Stack)
}

// fits says, without the planner's help, whether b is what the stack wants of
// its replica, up to what can be changed in place.
func (w *world) fits(b Container) bool {
	s := w.want.Service(b.Ref.Name)
	if s == nil || b.Partial || dueToBuild(w.images[s.Image]) || b.Ref.Index < 1 || b.Ref.Index > s.Replicas || b.Digest != w.images[s.Image].Wanted {
		return false
	}
	for _, n := range b.Networks {
		if n.Name == "demo_front_old" {
			return false
		}
	}
	a, c := b.Service, *s
	a.Restart, c.Restart = spec.Restart{}, spec.Restart{}
	return text(a) == text(c)
}

func dueToBuild(i Image) bool { return i.Build != nil && (i.Local == "" || len(i.Build.Changed) > 0) }

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
