package executor

import (
	"fmt"

	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// SpecFor gives what the container of a create or update step is made from,
// out of the plan alone. It is an error if the plan's stack lacks the service
// or a network or volume that the service refers to.
func SpecFor(p *planner.Plan, s planner.Step) (ContainerSpec, error) {
	service := p.Desired.Service(s.Ref.Name)
	if service == nil {
		return ContainerSpec{}, fmt.Errorf("service %s is not in the plan's stack", s.Ref.Name)
	}
	c := ContainerSpec{
		ID:         s.Object,
		Stack:      p.Stack,
		Dir:        p.Desired.Dir,
		Ref:        s.Ref,
		Generation: s.Generation,
		Name:       planner.VisibleName(p.Stack, service, s.Ref.Index),
		Digest:     s.Digest,
		Hash:       service.Hash(),
		Service:    *service,
	}
	if s.Op == planner.OpUpdate {
		keepIdentity(&c, p.Prior)
	}
	return c, c.addPlaces(p)
}

// keepIdentity takes over what an update does not change.
func keepIdentity(c *ContainerSpec, prior planner.State) {
	for _, old := range prior.Containers {
		if old.ID == c.ID {
			c.Generation, c.Digest = old.Generation, old.Digest
		}
	}
}

// addPlaces adds the networks and volumes that the service refers to.
func (c *ContainerSpec) addPlaces(p *planner.Plan) error {
	for _, a := range c.Service.Networks {
		n, err := networkFor(p, a.Network)
		if err != nil {
			return err
		}
		c.Networks = append(c.Networks, n)
	}
	c.Reserved = Reserved(p.Desired)
	seen := map[string]bool{}
	for _, m := range c.Service.Mounts {
		if m.Type != spec.MountVolume || m.Source == "" || seen[m.Source] {
			continue
		}
		seen[m.Source] = true
		v, err := volumeFor(p, m.Source)
		if err != nil {
			return err
		}
		c.Volumes = append(c.Volumes, v)
	}
	return nil
}

// Reserved gives the addresses that services of a stack have chosen, by network
// key.
func Reserved(s *spec.Stack) map[string][]string {
	var out map[string][]string
	for _, v := range s.Services {
		for _, a := range v.Networks {
			if a.IPv4 == "" {
				continue
			}
			if out == nil {
				out = map[string][]string{}
			}
			out[a.Network] = append(out[a.Network], a.IPv4)
		}
	}
	return out
}

func networkFor(p *planner.Plan, key string) (spec.Network, error) {
	for _, n := range p.Desired.Networks {
		if n.Key == key {
			return n, nil
		}
	}
	return spec.Network{}, fmt.Errorf("network %s is not in the plan's stack", key)
}

func volumeFor(p *planner.Plan, key string) (spec.Volume, error) {
	for _, v := range p.Desired.Volumes {
		if v.Key == key {
			return v, nil
		}
	}
	return spec.Volume{}, fmt.Errorf("volume %s is not in the plan's stack", key)
}
