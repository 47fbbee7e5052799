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
	switch {
	case errors.Is(err, fs.ErrNotExist):
		n, err = h.newNetwork(ctx, Network{Stack: stack, Key: key, Name: name, Asked: asked, Internal: asked.Internal})
	case err == nil && n.Stack != stack:
		err = fmt.Errorf("network %s belongs to stack %s", name, n.Stack)
	case err == nil:
		_, err = bridge.Ensure(n.spec())
	}
	if err != nil {
		return Network{}, err
	}
	if err := forward(); err != nil {
		return Network{}, err
	}
	return n, h.publish()
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
	taken, mtu, err := hostSubnets()
	if err != nil {
		return Network{}, err
	}
	for _, o := range others {
		taken = append(taken, o.Subnet)
	}
	if err := n.choose(taken, mtu); err != nil {
		return Network{}, fmt.Errorf("network %s: %w", n.Name, err)
	}
	n.Version = Version
	n.Bridge = bridge.Name(h.Dirs.Root, n.Name)
	return n, h.establish(n)
}

// choose takes what is asked for, and fills in the rest.
func (n *Network) choose(taken []netip.Prefix, mtu int) (err error) {
	n.Subnet, n.Gateway, n.MTU = n.Asked.Subnet, n.Asked.Gateway, cmp.Or(n.Asked.MTU, mtu)
	if !n.Subnet.IsValid() {
		n.Subnet, err = ipam.FreeSubnet(ipam.Pools(), taken)
	} else if hit, is := ipam.Overlap(n.Subnet, taken); is {
		err = fmt.Errorf("the subnet %s overlaps %s, which this host uses already", n.Subnet, hit)
	}
	if err == nil && !n.Gateway.IsValid() {
		n.Gateway = ipam.Gateway(n.Subnet)
	}
	return err
}

// establish records the network before it makes the bridge: a bridge without
// record would be found by nobody.
func (h *Host) establish(n Network) error {
	if err := h.writeNetwork(n); err != nil {
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
	endpoints, err := h.Endpoints()
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		if slices.ContainsFunc(e.Attachments, func(a Attachment) bool { return a.Network == name }) {
			return fmt.Errorf("network %s is still used by %s (container %s)", name, e.Holder(), e.ID)
		}
	}
	br := bridge.Name(h.Dirs.Root, name)
	if err := errors.Join(bridge.Sweep(br, nil), bridge.Remove(br)); err != nil {
		return err
	}
	if err := statedir.Remove(h.networkPath(name)); err != nil {
		return err
	}
	err = h.publish()
	h.tidy()
	return err
}

func (h *Host) network(name string) (Network, error) {
	return read[Network](h.networkPath(name))
}

func (n Network) spec() bridge.Spec {
	return bridge.Spec{
		Name:    n.Bridge,
		Alias:   "stackup " + n.Stack + "/" + n.Key,
		Gateway: netip.PrefixFrom(n.Gateway, n.Subnet.Bits()),
		MAC:     ipam.MAC(n.Gateway),
		MTU:     n.MTU,
	}
}
