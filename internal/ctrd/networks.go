package ctrd

import (
	"cmp"
	"context"
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
	asked := network.Settings{MTU: n.MTU, Internal: n.Internal}
	var err error
	if n.Subnet != "" {
		if asked.Subnet, err = netip.ParsePrefix(n.Subnet); err != nil {
			return err
		}
	}
	if n.Gateway != "" {
		if asked.Gateway, err = netip.ParseAddr(n.Gateway); err != nil {
			return err
		}
	}
	if len(n.Labels) > 0 {
		asked.Labels = pairMap(n.Labels)
	}
	_, err = e.Network.CreateNetwork(ctx, stack, n.Key, n.Name, asked)
	return err
}

// RemoveNetwork takes a network away with its bridge and rules.
func (e *Engine) RemoveNetwork(ctx context.Context, _, name string) error {
	return e.Network.RemoveNetwork(ctx, name)
}

func (e *Engine) observeNetworks() ([]planner.Network, error) {
	all, err := e.Network.Networks()
	var out []planner.Network
	for _, n := range all {
		made := planner.NetworkSettings{MTU: n.Asked.MTU, Internal: n.Asked.Internal}
		if n.Asked.Subnet.IsValid() {
			made.Subnet = n.Asked.Subnet.String()
		}
		if n.Asked.Gateway.IsValid() {
			made.Gateway = n.Asked.Gateway.String()
		}
		out = append(out, planner.Network{Key: n.Key, Name: n.Name, Stack: n.Stack, Subnet: n.Subnet.String(), Made: made})
	}
	return out, err
}

// attachments are a service's networks in the order of its interfaces. The
// first has the default route and the published ports.
func attachments(c executor.ContainerSpec) ([]network.Attachment, error) {
	joined := slices.Clone(c.Service.Networks)
	slices.SortStableFunc(joined, func(a, b spec.Attachment) int {
		return cmp.Or(cmp.Compare(b.GatewayPriority, a.GatewayPriority), cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Network, b.Network))
	})
	var out []network.Attachment
	for _, a := range joined {
		n, err := networkNamed(c.Networks, a.Network)
		if err != nil {
			return nil, err
		}
		v := network.Attachment{Network: n.Name, Names: names(c, a), MAC: a.MAC}
		if a.IPv4 != "" {
			if v.Wanted, err = netip.ParseAddr(a.IPv4); err != nil {
				return nil, err
			}
		}
		out = append(out, v)
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
	return slices.ContainsFunc(s.Networks, func(a spec.Attachment) bool { return a.IPv4 != "" || a.MAC != "" })
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
	return append([]string{c.Ref.Name, c.Name}, a.Aliases...)
}
