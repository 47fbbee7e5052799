package network

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"

	"stackup.dev/stackup/internal/network/ports"
)

// Claim chooses addresses and host ports for an endpoint and records it, not
// yet up. Repeated for the same ID it gives the same. Attachments need only
// Network and Names. Addresses that they have and are free it keeps, and a random
// port that the replica had before, if that is free.
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
	if err := h.recall(ctx); err != nil {
		return Endpoint{}, err
	}
	all, err := h.Endpoints()
	if err != nil {
		return Endpoint{}, err
	}
	networks, err := h.Networks()
	if err != nil {
		return Endpoint{}, err
	}
	e.Up, e.Silent, e.Seq = false, false, 0
	former, previous := slices.Clone(e.Attachments), e.Ports
	if i := slices.IndexFunc(all, func(o Endpoint) bool { return o.ID == e.ID }); i >= 0 {
		e.Up, e.Silent, e.Seq, former = all[i].Up, all[i].Silent, all[i].Seq, all[i].Attachments
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

func (h *Host) choosePorts(ctx context.Context, e Endpoint, wishes, previous []Published, others []Endpoint) ([]Published, error) {
	if len(wishes) == 0 {
		return nil, nil
	}
	wishes, err := e.families(wishes)
	if err != nil {
		return nil, err
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

// families says for each wish which of the host's addresses it is about: of the
// families that the container has.
func (e Endpoint) families(wishes []Published) ([]Published, error) {
	ipv4, ipv6 := e.target(false).IsValid(), e.target(true).IsValid()
	out := slices.Clone(wishes)
	for i := range out {
		w := &out[i]
		switch ip, _ := netip.ParseAddr(w.HostIP); {
		case len(e.Attachments) == 0:
		case w.HostIP == "" && ipv4:
			w.IPv6 = ipv6
		case w.HostIP == "":
			w.HostIP = netip.IPv6Unspecified().String()
		case ip == netip.IPv6Loopback() && (ipv4 || ipv6):
		case ip.Is6() && !ipv6, ip.Is4() && !ipv4:
			return nil, fmt.Errorf("port %d cannot be published on %s: the container has no address of that family", w.Target, ip)
		}
	}
	return out, nil
}

// leadsTo is where ports lead that are published on an address: to one of its
// family, or, as a relay does not care, to any.
func (e Endpoint) leadsTo(ip netip.Addr) netip.Addr {
	to := e.target(ip.Is6())
	if !to.IsValid() && ip == netip.IPv6Loopback() {
		to = e.target(false)
	}
	return to
}

// target is the address that published ports of a family lead to: on the first
// network that has it, by which answers leave; zero if there is none.
func (e Endpoint) target(six bool) netip.Addr {
	for _, a := range e.Attachments {
		if to := a.Address; !six && to.IsValid() {
			return to.Addr()
		}
		if to := a.Address6; six && to.IsValid() {
			return to.Addr()
		}
	}
	return netip.Addr{}
}

// allFree asks the kernel about each port, which is quick; only if one is not
// free need the socket tables be read.
func allFree(published []Published) bool {
	return !slices.ContainsFunc(published, func(p Published) bool { return !ports.Free(p) })
}

func uses(e Endpoint) (out []ports.Use) {
	for _, p := range e.Ports {
		for _, ip := range p.HostIPs() {
			out = append(out, ports.Use{HostIP: ip, Port: p.HostPort, Protocol: p.Protocol, Holder: e.Holder})
		}
	}
	return out
}

// Restore gives the endpoint's record, and writes it back, not up, if there is none. It
// fails with *AddressLostError if the endpoint cannot have its addresses any more: then
// Claim anew.
func (h *Host) Restore(ctx context.Context, e Endpoint) (Endpoint, error) {
	if have, err := h.endpoint(e.ID); !errors.Is(err, fs.ErrNotExist) {
		return have, err // it is there, which takes no lock to see
	}
	unlock, err := h.lock(ctx)
	if err != nil {
		return Endpoint{}, err
	}
	defer unlock()
	if err := h.recall(ctx); err != nil {
		return Endpoint{}, err
	}
	all, err := h.Endpoints()
	if err != nil {
		return Endpoint{}, err
	}
	if i := slices.IndexFunc(all, func(o Endpoint) bool { return o.ID == e.ID }); i >= 0 {
		return all[i], nil
	}
	networks, err := h.Networks()
	if err != nil {
		return Endpoint{}, err
	}
	if lost := e.obstacle(networks, all); lost != nil {
		return Endpoint{}, lost
	}
	e.Up, e.Silent = false, false
	return e, h.writeEndpoint(e)
}
