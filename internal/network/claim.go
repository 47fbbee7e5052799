package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"

	"stackup.dev/stackup/internal/cni"
	"stackup.dev/stackup/internal/network/ipam"
	"stackup.dev/stackup/internal/network/ports"
)

// Claim chooses addresses and host ports for an endpoint and records it, not
// yet up. Repeated for the same ID it gives the same. Attachments need only
// Network and Names. A random port that the replica had before it keeps, if
// that is free.
//
// It fails with *ipam.FullError when a subnet has no address left, and with
// *ports.TakenError, which names the holder, when a port is held by a process
// of the host or by another replica. A former incarnation of the same replica
// is no obstacle: it goes when its successor comes.
func (h *Host) Claim(ctx context.Context, e Endpoint, wishes []Published) (Endpoint, error) {
	if err := valid("container ID", e.ID); err != nil {
		return Endpoint{}, err
	}
	unlock, err := h.lock(ctx)
	if err != nil {
		return Endpoint{}, err
	}
	defer unlock()
	all, err := h.Endpoints()
	if err != nil {
		return Endpoint{}, err
	}
	networks, err := h.Networks()
	if err != nil {
		return Endpoint{}, err
	}
	e.Up, e.Seq = false, 0
	var former []Attachment
	var previous []Published
	if i := slices.IndexFunc(all, func(o Endpoint) bool { return o.ID == e.ID }); i >= 0 {
		e.Up, e.Seq, former = all[i].Up, all[i].Seq, all[i].Attachments
		previous = all[i].Ports
		all = slices.Delete(all, i, i+1)
	}
	if i := slices.IndexFunc(all, e.sameReplica); i >= 0 {
		previous = slices.Concat(previous, all[i].Ports)
	}
	if e.Attachments, err = e.assign(former, networks, all); err != nil {
		return Endpoint{}, err
	}
	if e.Ports, err = h.choosePorts(ctx, e, wishes, previous, all); err != nil {
		return Endpoint{}, err
	}
	e.Version = Version
	return e, h.writeEndpoint(e)
}

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
	for i := range out {
		a := &out[i]
		at := slices.IndexFunc(networks, func(n Network) bool { return n.Name == a.Network })
		if at < 0 {
			return nil, fmt.Errorf("network %s does not exist", a.Network)
		}
		n := networks[at]
		had, err := e.address(n, a.Wanted, former, others)
		if err != nil {
			return nil, err
		}
		a.Interface = fmt.Sprintf("%s%d", cni.Prefix, i)
		a.Address, a.Gateway, a.MAC = had, n.Gateway, cmp.Or(a.MAC, ipam.MAC(had.Addr()))
	}
	return out, nil
}

func (e Endpoint) address(n Network, wanted netip.Addr, former []Attachment, others []Endpoint) (netip.Prefix, error) {
	used := map[netip.Addr]bool{}
	if !wanted.IsValid() {
		for _, a := range e.Avoid[n.Name] {
			used[a] = true
		}
	}
	for _, o := range others {
		if wanted.IsValid() && e.sameReplica(o) {
			continue // it goes before its successor comes
		}
		for _, a := range o.Attachments {
			if a.Network == n.Name {
				used[a.Address.Addr()] = true
			}
		}
	}
	if wanted.IsValid() {
		switch {
		case !n.Subnet.Contains(wanted):
			return netip.Prefix{}, fmt.Errorf("address %s is not in the subnet %s of network %s", wanted, n.Subnet, n.Name)
		case used[wanted] || wanted == n.Gateway:
			return netip.Prefix{}, fmt.Errorf("address %s of network %s is in use", wanted, n.Name)
		}
		return netip.PrefixFrom(wanted, n.Subnet.Bits()), nil
	}
	for _, f := range former {
		if f.Network == n.Name && f.Address.Masked() == n.Subnet && !used[f.Address.Addr()] {
			return f.Address, nil
		}
	}
	return ipam.FreeAddress(n.Name, n.Subnet, n.Gateway, used)
}

func (h *Host) choosePorts(ctx context.Context, e Endpoint, wishes, previous []Published, others []Endpoint) ([]Published, error) {
	if len(wishes) == 0 {
		return nil, nil
	}
	var ours []ports.Use
	for _, o := range others {
		if !e.sameReplica(o) {
			ours = append(ours, uses(o)...)
		}
	}
	got, err := ports.Choose(wishes, previous, ours)
	if err != nil || allFree(got) {
		return got, err
	}
	hosts, err := h.hostUses(ctx)
	if err != nil {
		return nil, err
	}
	return ports.Choose(wishes, previous, slices.Concat(hosts, ours))
}

// allFree asks the kernel about each port, which is quick; only if one is not
// free need the socket tables be read.
func allFree(published []Published) bool {
	return !slices.ContainsFunc(published, func(p Published) bool { return !ports.Free(p) })
}

func uses(e Endpoint) (out []ports.Use) {
	for _, p := range e.Ports {
		ip, _ := netip.ParseAddr(p.HostIP)
		out = append(out, ports.Use{HostIP: ip, Port: p.HostPort, Protocol: p.Protocol, Holder: e.Holder})
	}
	return out
}

// Restore writes a record back, as after a reboot, if there is none; it is not
// up. It fails if another endpoint has got its address meanwhile: then Claim
// anew.
func (h *Host) Restore(ctx context.Context, e Endpoint) error {
	if _, err := h.endpoint(e.ID); !errors.Is(err, fs.ErrNotExist) {
		return err // it is there, which takes no lock to see
	}
	unlock, err := h.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	all, err := h.Endpoints()
	if err != nil {
		return err
	}
	for _, o := range all {
		if o.ID == e.ID {
			return nil
		}
		if a, shared := sameAddress(e, o); shared {
			return fmt.Errorf("address %s of %s is now of container %s", a, e.ID, o.ID)
		}
	}
	e.Up = false
	return h.writeEndpoint(e)
}

func sameAddress(e, o Endpoint) (netip.Addr, bool) {
	for _, a := range e.Attachments {
		for _, b := range o.Attachments {
			if a.Network == b.Network && a.Address.Addr() == b.Address.Addr() {
				return a.Address.Addr(), true
			}
		}
	}
	return netip.Addr{}, false
}
