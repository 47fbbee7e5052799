package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"

	"stackup.dev/stackup/internal/network/bridge"
	"stackup.dev/stackup/internal/network/ipam"
	"stackup.dev/stackup/internal/statedir"
)

// CreateNetwork makes the network of that name on the machine, with a subnet
// that is free on this host, and its bridge. It may be repeated, and mends
// what is missing. A network of another stack is refused.
func (h *Host) CreateNetwork(ctx context.Context, stack, key, name string, asked Settings) (Network, error) {
	if err := valid("network name", name); err != nil {
		return Network{}, err
	}
	unlock, err := h.lock(ctx)
	if err != nil {
		return Network{}, err
	}
	defer unlock()
	n, err := h.network(name)
	fresh := errors.Is(err, fs.ErrNotExist)
	switch {
	case fresh:
		n, err = h.newNetwork(ctx, Network{Stack: stack, Key: key, Name: name, Asked: asked, Internal: asked.Internal})
	case err == nil && n.Stack != stack:
		err = fmt.Errorf("network %s belongs to stack %s", name, n.Stack)
	case err == nil && n.Bridge != "":
		_, err = bridge.Ensure(n.spec())
	}
	if err != nil {
		return Network{}, err
	}
	if err := n.forward(); err != nil {
		return Network{}, err
	}
	if err := h.publish(); err != nil {
		return n, err
	}
	if fresh {
		h.note(stack, name, "create", "")
	}
	return n, nil
}

// newNetwork chooses a subnet and takes it. Other installations on this host
// have records of their own, but see our bridge; so the choice and the making
// of the bridge go under a lock of the whole host.
func (h *Host) newNetwork(ctx context.Context, n Network) (Network, error) {
	unlock, err := lockSubnets(ctx)
	if err != nil {
		return Network{}, err
	}
	defer unlock()
	others, err := h.Networks()
	if err != nil {
		return Network{}, err
	}
	taken, mtu, err := hostSubnets(n.Asked.IPv6 != nil)
	if err != nil {
		return Network{}, err
	}
	for _, o := range others {
		taken = append(taken, o.Subnets()...)
	}
	if n.Asked.Driver == "" {
		n.Bridge = cmp.Or(n.Asked.Link, bridge.Name(h.Dirs.Root, n.Name))
	}
	if err := errors.Join(n.choose(taken, mtu), n.possible()); err != nil {
		return Network{}, fmt.Errorf("network %s: %w", n.Name, err)
	}
	n.Version = Version
	return n, h.establish(n)
}

// Subnets are the network's, one of each family that it has.
func (n Network) Subnets() (out []netip.Prefix) {
	for _, p := range []netip.Prefix{n.Subnet, n.Subnet6} {
		if p.IsValid() {
			out = append(out, p)
		}
	}
	return out
}

// choose takes what is asked for, and fills in the rest.
func (n *Network) choose(taken []netip.Prefix, mtu int) (err error) {
	n.MTU = cmp.Or(n.Asked.MTU, mtu)
	if n.Bridge == "" { // the parent's network, which this host knows of course
		n.MTU, taken = n.Asked.MTU, nil
	}
	if !n.Asked.NoIPv4 {
		if n.Subnet, n.Gateway, err = n.Asked.choose(ipam.Pools(), taken); err != nil {
			return err
		}
	}
	if n.Asked.IPv6 != nil {
		n.Subnet6, n.Gateway6, err = n.Asked.IPv6.choose([]netip.Prefix{ipam.Pool6(machineID())}, taken)
	}
	if n.Bridge == "" && n.Asked.routed() { // such a link needs no gateway
		n.Gateway, n.Gateway6 = netip.Addr{}, netip.Addr{}
	}
	return err
}

// routed says whether the kernel routes what leaves the parent's link.
func (s Settings) routed() bool { return s.Mode == "l3" || s.Mode == "l3s" }

func (p Pool) choose(pools, taken []netip.Prefix) (subnet netip.Prefix, gateway netip.Addr, err error) {
	subnet, gateway = p.Subnet, p.Gateway
	if !subnet.IsValid() {
		subnet, err = ipam.FreeSubnet(pools, taken)
	} else if hit, is := ipam.Overlap(subnet, taken); is {
		err = fmt.Errorf("the subnet %s overlaps %s, which this host uses already", subnet, hit)
	}
	if err == nil && !gateway.IsValid() {
		gateway = ipam.Gateway(subnet, p.reserved()...)
	}
	return subnet, gateway, err
}

// possible says what of the network this machine lacks, or has already.
func (n Network) possible() error {
	if n.Asked.Driver != "" && !bridge.Exists(n.Asked.Parent) {
		return fmt.Errorf("there is no link %s on this machine to be its parent", n.Asked.Parent)
	}
	if n.Asked.Link != "" && !bridge.Ours(n.spec()) {
		return fmt.Errorf("there is a link %s already, which is not this network's", n.Asked.Link)
	}
	if n.Subnet6.IsValid() && !hasIPv6() {
		return errors.New("IPv6 is switched off on this machine (/proc/sys/net/ipv6)")
	}
	return nil
}

// establish records the network before it makes the bridge: a bridge without
// record would be found by nobody.
func (h *Host) establish(n Network) error {
	if err := h.writeNetwork(n); err != nil || n.Bridge == "" {
		return err
	}
	if err := bridge.Remove(n.Bridge); err != nil { // a stale one would have another address
		return errors.Join(err, statedir.Remove(h.networkPath(n.Name)))
	}
	if _, err := bridge.Ensure(n.spec()); err != nil {
		return errors.Join(err, bridge.Remove(n.Bridge), statedir.Remove(h.networkPath(n.Name)))
	}
	return nil
}

// RemoveNetwork takes the network away: bridge, record and rules. One that is
// not there is no error; one that an endpoint of any stack still uses is.
func (h *Host) RemoveNetwork(ctx context.Context, name string) error {
	if err := valid("network name", name); err != nil {
		return err
	}
	unlock, err := h.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := h.recall(ctx); err != nil {
		return err
	}
	endpoints, err := h.Endpoints()
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		if slices.ContainsFunc(e.Attachments, func(a Attachment) bool { return a.Network == name }) {
			return fmt.Errorf("network %s is still used by %s (container %s)", name, e.Holder(), e.ID)
		}
	}
	links := []string{bridge.Name(h.Dirs.Root, name)}
	n, err := h.network(name)
	there := err == nil
	if there && n.Asked.Link != "" && bridge.Ours(n.spec()) {
		links = append(links, n.Bridge)
	}
	for _, br := range links {
		if err := errors.Join(bridge.Sweep(br, nil), bridge.Remove(br)); err != nil {
			return err
		}
	}
	if err := statedir.Remove(h.networkPath(name)); err != nil {
		return err
	}
	err = h.publish()
	h.tidy()
	if there && err == nil {
		h.note(n.Stack, name, "destroy", "")
	}
	return err
}

func (h *Host) network(name string) (Network, error) {
	return read[Network](h.networkPath(name))
}

func (n Network) spec() bridge.Spec {
	s := bridge.Spec{Name: n.Bridge, Alias: "stackup " + n.Stack + "/" + n.Key, MTU: n.MTU, Apart: n.Asked.Apart}
	if n.Gateway6.IsValid() {
		s.Gateway6, s.MAC = netip.PrefixFrom(n.Gateway6, n.Subnet6.Bits()), ipam.MAC(n.Gateway6)
	}
	if n.Gateway.IsValid() {
		s.Gateway, s.MAC = netip.PrefixFrom(n.Gateway, n.Subnet.Bits()), ipam.MAC(n.Gateway)
	}
	return s
}
