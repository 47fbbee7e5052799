package network

import (
	"context"
	"net/netip"
	"slices"

	"stackup.dev/stackup/internal/network/ports"
	"stackup.dev/stackup/planner"
)

// PortsInUse gives the host ports that processes take, unless all of wanted are
// free: listening TCP and unconnected UDP sockets, IPv4 and IPv6. It names the
// holders of the wanted ones, for which it walks over all processes.
func (h *Host) PortsInUse(ctx context.Context, wanted []Published) ([]planner.PortUse, error) {
	if allFree(wanted) {
		return nil, nil
	}
	sockets, err := h.sockets()
	if err != nil {
		return nil, err
	}
	inodes := map[uint64]bool{}
	for _, s := range sockets {
		if s.Inode != 0 && slices.ContainsFunc(wanted, func(p Published) bool { return p.HostPort == s.Port }) {
			inodes[s.Inode] = true
		}
	}
	holders := map[uint64]string{}
	if len(inodes) > 0 {
		if holders, err = h.proc.Holders(ctx, inodes); err != nil {
			return nil, err
		}
	}
	out := make([]planner.PortUse, 0, len(sockets))
	for _, s := range sockets {
		ip := ""
		if a := listens(s); a.IsValid() {
			ip = a.String()
		}
		out = append(out, planner.PortUse{HostIP: ip, Port: s.Port, Protocol: s.Protocol, Holder: holder(s, holders)})
	}
	return out, nil
}

// sockets are those of the host's processes, but for our own relays': the
// records say who has those.
func (h *Host) sockets() ([]ports.Socket, error) {
	held, err := h.PublishedPorts()
	if err != nil {
		return nil, err
	}
	all, err := h.proc.Sockets()
	return slices.DeleteFunc(all, func(s ports.Socket) bool {
		return s.Address == netip.IPv6Loopback() && slices.ContainsFunc(held, func(p PortHolder) bool {
			return p.Port == s.Port && p.Protocol == s.Protocol && p.HostIP == s.Address.String()
		})
	}), err
}

// listens is where a socket listens: zero for one on [::], which takes the IPv4
// addresses too, as Linux does by default.
func listens(s ports.Socket) netip.Addr {
	if s.Address == netip.IPv6Unspecified() {
		return netip.Addr{}
	}
	return s.Address
}

func holder(s ports.Socket, known map[uint64]string) string {
	switch {
	case known[s.Inode] != "":
		return known[s.Inode]
	case s.Inode == 0:
		return "the kernel"
	default:
		return "an unknown process"
	}
}

// PublishedPorts gives the ports that endpoints of ours hold, up or not, so
// that a caller can tell those of its own stack from others.
func (h *Host) PublishedPorts() ([]PortHolder, error) {
	all, err := h.Endpoints()
	if err != nil {
		return nil, err
	}
	var out []PortHolder
	for _, e := range all {
		for _, p := range e.Ports {
			out = append(out, PortHolder{
				PortUse: planner.PortUse{HostIP: p.HostIP, Port: p.HostPort, Protocol: p.Protocol, Holder: e.Holder()},
				Stack:   e.Stack, Service: e.Service, Index: e.Index,
			})
		}
	}
	return out, nil
}

// hostUses gives what processes of the host take. Holders are looked for only
// when an error has to name one.
func (h *Host) hostUses(ctx context.Context) ([]ports.Use, error) {
	sockets, err := h.sockets()
	if err != nil {
		return nil, err
	}
	out := make([]ports.Use, 0, len(sockets))
	for _, s := range sockets {
		out = append(out, ports.Use{HostIP: listens(s), Port: s.Port, Protocol: s.Protocol, Holder: func() string {
			known, err := h.proc.Holders(ctx, map[uint64]bool{s.Inode: s.Inode != 0})
			if err != nil {
				h.Log.Warn("look for the holder of a port", "port", s.Port, "err", err)
			}
			return holder(s, known)
		}})
	}
	return out, nil
}

// checkHostPorts refuses ports that a process of the host has taken since they
// were claimed: our rules would take its traffic away.
func (h *Host) checkHostPorts(ctx context.Context, e Endpoint) error {
	if allFree(e.Ports) {
		return nil
	}
	taken, err := h.hostUses(ctx)
	if err != nil {
		return err
	}
	_, err = ports.Choose(e.Ports, nil, taken)
	return err
}
