package enginetest

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// Observe reads the state of one stack.
func (f *Fake) Observe(ctx context.Context, s *spec.Stack) (planner.State, error) {
	state := planner.State{Stack: s.Name}
	err := f.act(ctx, "Observe", s.Name, func() error {
		for _, id := range slices.Sorted(maps.Keys(f.containers)) {
			if c := f.containers[id]; c.spec.Stack == s.Name {
				state.Containers = append(state.Containers, c.observed())
			}
		}
		byName := func(a, b planner.Network) int { return cmp.Compare(a.Name, b.Name) }
		state.Networks = slices.SortedFunc(maps.Values(f.networks), byName)
		byVolume := func(a, b planner.Volume) int { return cmp.Compare(a.Name, b.Name) }
		state.Volumes = slices.SortedFunc(maps.Values(f.volumes), byVolume)
		state.Images = f.imagesOf(s)
		state.PortsInUse = append(slices.Clone(f.ports), f.portsOfOthers(s.Name)...)
		return nil
	})
	return state, err
}

func (c *container) observed() planner.Container {
	return planner.Container{
		ID:         c.spec.ID,
		Ref:        c.spec.Ref,
		Name:       c.spec.Name,
		Generation: c.spec.Generation,
		Hash:       c.spec.Hash,
		Digest:     c.spec.Digest,
		Service:    c.spec.Service,
		Networks:   slices.Clone(c.spec.Networks),
		Volumes:    slices.Clone(c.spec.Volumes),
		Mounted:    maps.Clone(c.spec.Mounted),
		Task:       c.task,
		Health:     c.health,
		ExitCode:   c.code,
	}
}

func (f *Fake) imagesOf(s *spec.Stack) []planner.Image {
	var out []planner.Image
	seen := map[string]bool{}
	for _, service := range s.Services {
		for _, ref := range append([]string{service.Image}, service.MountedImages()...) {
			if seen[ref] {
				continue
			}
			seen[ref] = true
			i, ok := f.images[ref]
			if !ok {
				i = planner.Image{Ref: ref, Err: "no such image"}
			}
			out = append(out, i)
		}
	}
	return out
}

func (f *Fake) portsOfOthers(stack string) []planner.PortUse {
	var out []planner.PortUse
	for _, c := range f.containers {
		if c.spec.Stack == stack || !live(c) {
			continue
		}
		for _, p := range c.spec.Service.Ports {
			if p.HostPort != 0 && p.HostPort == p.HostPortEnd {
				out = append(out, planner.PortUse{
					HostIP: p.HostIP, Port: p.HostPort, Protocol: p.Protocol,
					Holder: "service " + c.spec.Ref.Name + " of stack " + c.spec.Stack,
				})
			}
		}
	}
	return out
}
