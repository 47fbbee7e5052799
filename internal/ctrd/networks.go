package ctrd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// CreateNetwork makes a network; the plugin builds its bridge.
func (e *Engine) CreateNetwork(ctx context.Context, stack string, n spec.Network) error {
	asked, err := settingsOf(n)
	if err != nil {
		return err
	}
	_, err = e.Network.CreateNetwork(ctx, stack, n.Key, n.Name, asked)
	return err
}

// RemoveNetwork takes a network away with its bridge and rules.
func (e *Engine) RemoveNetwork(ctx context.Context, _, name string) error {
	return e.Network.RemoveNetwork(ctx, name)
}

// RepairNetwork puts back what a network has lost under its containers.
func (e *Engine) RepairNetwork(ctx context.Context, name string) error {
	_, err := e.Network.Mend(ctx, name)
	return err
}

// observeNetworks returns all networks, and what those that the stack's containers are on
// have lost, unless that does not matter any more.
func (e *Engine) observeNetworks(ctx context.Context, stack string, down bool) ([]planner.Network, error) {
	all, err := e.Network.Networks()
	if err != nil {
		return nil, err
	}
	var losses []network.Loss
	if !down {
		if losses, err = e.Network.Look(ctx, stack); err != nil { // which keeps nobody from the rest
			e.Log.Warn("look what networks have lost", "err", err)
		}
	}
	var out []planner.Network
	for _, n := range all {
		subnet := n.Subnet
		if !subnet.IsValid() {
			subnet = n.Subnet6
		}
		out = append(out, planner.Network{Key: n.Key, Name: n.Name, Stack: n.Stack, Subnet: subnet.String(), Made: madeOf(n.Asked), Lost: lostOf(n.Name, losses)})
	}
	return out, nil
}

func lostOf(name string, losses []network.Loss) (out []string) {
	for _, l := range losses {
		if l.Network == name {
			out = append(out, l.What)
		}
	}
	return out
}

// attachments are a service's networks in the order of its interfaces. The
// first has the default route and the published ports.
func attachments(c executor.ContainerSpec) ([]network.Attachment, error) {
	var out []network.Attachment
	for _, a := range c.Service.Joined() {
		n, err := networkNamed(c.Networks, a.Network)
		if err != nil {
			return nil, err
		}
		v := network.Attachment{
			Network: n.Name, Names: names(c, a), MAC: a.MAC, Interface: a.Interface, Named: a.Interface != "", Sysctls: spec.PairMap(a.Sysctls),
		}
		var err1, err2 error
		v.Wanted, err1 = optional(netip.ParseAddr, a.IPv4)
		v.Wanted6, err2 = optional(netip.ParseAddr, a.IPv6)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		if v.LinkLocal, err = linkLocal(a.LinkLocal); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// linkLocal gives addresses of a link with the lengths of their ranges (RFC 3927
// section 2.1, RFC 4291 section 2.5.6).
func linkLocal(list []string) (out []netip.Prefix, err error) {
	for _, text := range list {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, err
		}
		bits := 16
		if a.Is6() {
			bits = 64
		}
		out = append(out, netip.PrefixFrom(a, bits))
	}
	return out, nil
}

// avoided are the addresses that services of the stack have chosen.
func avoided(c executor.ContainerSpec) map[string][]netip.Addr {
	out := map[string][]netip.Addr{}
	for _, n := range c.Networks {
		for _, text := range c.Reserved[n.Key] {
			if a, err := netip.ParseAddr(text); err == nil {
				out[n.Name] = append(out[n.Name], a)
			}
		}
	}
	return out
}

// choosesAddress says whether the container shall have an address that its
// predecessor has as long as it runs.
func choosesAddress(s *spec.Service) bool {
	return slices.ContainsFunc(s.Networks, func(a spec.Attachment) bool {
		return a.IPv4 != "" || a.IPv6 != "" || a.MAC != "" || len(a.LinkLocal) > 0
	})
}

func networkNamed(all []spec.Network, key string) (spec.Network, error) {
	for _, n := range all {
		if n.Key == key {
			return n, nil
		}
	}
	return spec.Network{}, fmt.Errorf("network %q is not in the plan", key)
}

// names are those by which a container answers on a network.
func names(c executor.ContainerSpec, a spec.Attachment) []string {
	if c.Ref.Index == planner.OneOff && !c.Aliases {
		return []string{c.Name}
	}
	own := []string{c.Ref.Name, c.Name}
	if a.Nameless {
		own = own[1:]
	}
	return append(own, a.Aliases...)
}
