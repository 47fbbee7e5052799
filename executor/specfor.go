package executor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

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
		Files:      p.Desired.Files,
		Ref:        s.Ref,
		Generation: s.Generation,
		Name:       planner.VisibleName(p.Stack, service, s.Ref.Index),
		Digest:     s.Digest,
		Hash:       service.Hash(),
		Service:    *service,
		Mounted:    p.Mounted(service),
		Renewed:    s.Renewed,
	}
	if s.Op == planner.OpUpdate {
		keepIdentity(&c, p.Prior)
	}
	return c, c.addPlaces(p)
}

// hookFor gives what the container of a pre-start step is made from.
func hookFor(p *planner.Plan, s planner.Step) (ContainerSpec, error) {
	v := p.Desired.Service(s.Ref.Name)
	if v == nil || s.Hook >= len(v.PreStart) {
		return ContainerSpec{}, fmt.Errorf("hook %d of service %s is not in the plan's stack", s.Hook, s.Ref.Name)
	}
	hook := v.PreStart[s.Hook].Service
	hook.StopGrace = spec.Duration(s.Grace)
	c := ContainerSpec{
		ID: s.Object, Stack: p.Stack, Dir: p.Desired.Dir, Generation: s.Generation, Digest: s.Digest, Hash: hook.Hash(), Service: hook,
		Ref:      planner.Ref{Kind: planner.KindContainer, Name: s.Ref.Name, Index: planner.OneOff},
		Name:     fmt.Sprintf("%s-pre-start-%d", planner.VisibleName(p.Stack, v, s.Ref.Index), s.Hook),
		Prepares: s.Ref.Index, Renewed: p.Renewed(s.Ref), Mounted: p.Mounted(&hook),
	}
	return c, c.addPlaces(p)
}

// keepIdentity takes over what an update does not change.
func keepIdentity(c *ContainerSpec, prior planner.State) {
	for _, old := range prior.Containers {
		if old.ID == c.ID {
			c.Generation, c.Digest, c.Renewed = old.Generation, old.Digest, old.Renewed
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
	c.Hostname = HostnameFor(p.Desired, &c.Service)
	c.OwnNetwork = OwnNetwork(p.Desired, &c.Service)
	seen := map[string]bool{}
	for _, m := range c.Service.Mounts {
		if m.Of != "" {
			c.renewedOf(p, m.Of)
		}
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

func (c *ContainerSpec) renewedOf(p *planner.Plan, service string) {
	n := p.Renewed(planner.Ref{Kind: planner.KindContainer, Name: service, Index: 1})
	if n == 0 {
		return
	}
	if c.RenewedOf == nil {
		c.RenewedOf = map[string]int{}
	}
	c.RenewedOf[service] = n
}

// Reserved gives the addresses that services of a stack have chosen, by network
// key.
func Reserved(s *spec.Stack) map[string][]string {
	var out map[string][]string
	for _, v := range s.Services {
		for _, a := range v.Networks {
			for _, ip := range a.Addresses() {
				if out == nil {
					out = map[string][]string{}
				}
				out[a.Network] = append(out[a.Network], ip)
			}
		}
	}
	return out
}

// HostnameFor gives the name of the host that a container of v is by sharing
// the network of another service; empty if it does not.
func HostnameFor(s *spec.Stack, v *spec.Service) string {
	for range s.Services { // a chain ends by then
		name, is := v.NetworkMode.Of().Service()
		if !is {
			break
		}
		other := s.Service(name)
		if other == nil {
			return ""
		}
		if ends := other.NetworkMode.Of() == ""; ends && other.NetworkMode != spec.NetworkHost {
			return cmp.Or(other.Hostname, planner.VisibleName(s.Name, other, 1))
		}
		v = other
	}
	return ""
}

// OwnNetwork reports whether processes of a service, or of one that shares its network, may
// change interfaces, addresses and routes in it, as a VPN does, or whether the service has
// the kernel keep IPv6 otherwise than it is there by default.
func OwnNetwork(s *spec.Stack, v *spec.Service) bool {
	ipv6 := func(p spec.Pair) bool { return strings.HasPrefix(p.Name, "net.ipv6.conf.") }
	if mayChangeNetwork(v) || slices.ContainsFunc(v.Sysctls, ipv6) {
		return true
	}
	return slices.ContainsFunc(s.Services, func(o spec.Service) bool {
		of, shares := o.NetworkMode.Of().Service()
		return shares && of == v.Name && mayChangeNetwork(&o)
	})
}

func mayChangeNetwork(v *spec.Service) bool {
	const admin, all = "CAP_NET_ADMIN", "ALL"
	sec := v.Security
	return sec.Privileged || slices.Contains(sec.CapAdd, admin) || slices.Contains(sec.CapAdd, all) && !slices.Contains(sec.CapDrop, admin)
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
