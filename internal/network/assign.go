package network

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"stackup.dev/stackup/internal/cni"
	"stackup.dev/stackup/internal/network/ipam"
	"stackup.dev/stackup/spec"
)

// assign fills in attachments: interfaces in order, and addresses that no
// other endpoint has. What the endpoint had before it keeps.
//
// A network without a way out comes last: the first has the default route.
func (e Endpoint) assign(former []Attachment, networks []Network, others []Endpoint) ([]Attachment, error) {
	out := slices.Clone(e.Attachments)
	internal := func(a Attachment) int {
		if slices.ContainsFunc(networks, func(n Network) bool { return n.Name == a.Network && n.Internal }) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(out, func(a, b Attachment) int { return cmp.Compare(internal(a), internal(b)) })
	nameInterfaces(out)
	for i := range out {
		a := &out[i]
		at := slices.IndexFunc(networks, func(n Network) bool { return n.Name == a.Network })
		if at < 0 {
			return nil, fmt.Errorf("network %s does not exist", a.Network)
		}
		if err := e.fill(a, networks[at], former, others); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// nameInterfaces gives the names eth0, eth1… to those that have none, less those
// that are taken.
func nameInterfaces(list []Attachment) {
	taken := map[string]bool{}
	for _, a := range list {
		taken[a.Interface] = a.Named
	}
	for i := range list {
		if list[i].Named {
			continue
		}
		n := 0
		for taken[interfaceName(n)] {
			n++
		}
		list[i].Interface = interfaceName(n)
		taken[list[i].Interface] = true
	}
}

func interfaceName(i int) string { return fmt.Sprintf("%s%d", cni.Prefix, i) }

// fill chooses what a network gives to one that joins it.
func (e Endpoint) fill(a *Attachment, n Network, former []Attachment, others []Endpoint) (err error) {
	a.OnWire = n.Bridge == ""
	a.Gateway, a.Gateway6 = n.Gateway, n.Gateway6
	if a.Address, err = e.address(n, n.pool4(), a.Wanted, former, others); err != nil {
		return err
	}
	if a.Address6, err = e.address(n, n.pool6(), a.Wanted6, former, others); err != nil {
		return err
	}
	if a.MAC == "" && n.Asked.Driver != spec.DriverIPvlan { // all of those have the parent's
		a.MAC = ipam.MAC(a.Addresses()[0])
	}
	return nil
}

// pool4 and pool6 are what addresses come from, whoever chose the subnet. The
// zero one has none to give.
func (n Network) pool4() Pool { return inForce(n.Asked.Pool, n.Subnet, n.Gateway) }

func (n Network) pool6() Pool {
	if n.Asked.IPv6 == nil {
		return inForce(Pool{}, n.Subnet6, n.Gateway6)
	}
	return inForce(*n.Asked.IPv6, n.Subnet6, n.Gateway6)
}

func inForce(p Pool, subnet netip.Prefix, gateway netip.Addr) Pool {
	p.Subnet, p.Gateway = subnet, gateway
	if !p.Range.IsValid() {
		p.Range = subnet
	}
	return p
}

func (p Pool) reserved() (out []netip.Addr) {
	for _, r := range p.Reserved {
		out = append(out, r.Address)
	}
	return out
}

func (e Endpoint) address(n Network, p Pool, wanted netip.Addr, former []Attachment, others []Endpoint) (netip.Prefix, error) {
	if !p.Subnet.IsValid() {
		if wanted.IsValid() {
			return netip.Prefix{}, fmt.Errorf("network %s has no addresses of the family of %s", n.Name, wanted)
		}
		return netip.Prefix{}, nil
	}
	used := e.taken(n, p, wanted.IsValid(), others)
	if wanted.IsValid() {
		switch {
		case !p.Subnet.Contains(wanted):
			return netip.Prefix{}, fmt.Errorf("address %s is not in the subnet %s of network %s", wanted, p.Subnet, n.Name)
		case used[wanted] || wanted == p.Gateway:
			return netip.Prefix{}, fmt.Errorf("address %s of network %s is in use%s", wanted, n.Name, addressHolder(n, wanted, others))
		}
		return netip.PrefixFrom(wanted, p.Subnet.Bits()), nil
	}
	for _, f := range former {
		for _, had := range []netip.Prefix{f.Address, f.Address6} {
			if f.Network == n.Name && had.IsValid() && had.Masked() == p.Subnet && !used[had.Addr()] {
				return had, nil
			}
		}
	}
	return ipam.FreeAddress(n.Name, p.Subnet, p.Range, p.Gateway, used)
}

// addressHolder names who has an address, for an error; it is empty if no endpoint has it.
func addressHolder(n Network, a netip.Addr, others []Endpoint) string {
	for _, o := range others {
		if o.has(n.Name, a) {
			return fmt.Sprintf(" by %s (container %s)", o.Holder(), o.ID)
		}
	}
	return ""
}

// taken are the addresses of a network that a container cannot have. One that
// is chosen may be its predecessor's, which goes before it comes.
func (e Endpoint) taken(n Network, p Pool, chosen bool, others []Endpoint) map[netip.Addr]bool {
	used := map[netip.Addr]bool{}
	for _, a := range p.reserved() {
		used[a] = true
	}
	if !chosen {
		for _, a := range e.Avoid[n.Name] {
			used[a] = true
		}
	}
	for _, o := range others {
		if chosen && e.sameReplica(o) {
			continue
		}
		for _, a := range o.Attachments {
			if a.Network == n.Name {
				for _, has := range a.Addresses() {
					used[has] = true
				}
			}
		}
	}
	return used
}
