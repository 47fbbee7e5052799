package network

import (
	"cmp"
	"net/netip"
	"slices"

	"stackup.dev/stackup/internal/network/nat"
)

func natBridges(networks []Network, patient bool) (bridges []nat.Bridge) {
	for _, n := range networks {
		if n.Bridge == "" {
			continue // on a link of the host's, past all rules
		}
		bridges = append(bridges, nat.Bridge{
			Name: n.Bridge, Subnet: n.Subnet, Subnet6: n.Subnet6, Internal: n.Internal, Apart: n.Asked.Apart, NoMasquerade: n.Asked.NoMasquerade,
			Names: n.NameSockets(), Patient: patient,
		})
	}
	return bridges
}

func names(bridges []nat.Bridge) (out []string) {
	for _, b := range bridges {
		out = append(out, b.Name)
	}
	return out
}

// natPorts gives the published ports that rules lead on.
func natPorts(endpoints []Endpoint) []nat.Port {
	return slices.DeleteFunc(publishedPorts(endpoints), byRelay)
}

// Relayed gives the published ports that no rule can lead on: those of ::1.
func Relayed(endpoints []Endpoint) []nat.Port {
	return slices.DeleteFunc(publishedPorts(endpoints), func(p nat.Port) bool { return !byRelay(p) })
}

func byRelay(p nat.Port) bool { return p.HostIP == netip.IPv6Loopback() }

// publishedPorts gives the ports of all endpoints that are up. Of two that publish
// the same, the one that came later has it: so a port goes over from an old
// incarnation to a new one in the very swap that brings the new one up.
func publishedPorts(endpoints []Endpoint) []nat.Port {
	endpoints = slices.Clone(endpoints)
	slices.SortFunc(endpoints, func(a, b Endpoint) int { return cmp.Or(cmp.Compare(b.Seq, a.Seq), cmp.Compare(a.ID, b.ID)) })
	type key struct {
		ip       netip.Addr
		port     uint16
		protocol string
	}
	seen := map[key]bool{}
	var out []nat.Port
	for _, e := range endpoints {
		if !e.Up {
			continue
		}
		for _, p := range portsOf(e) {
			k := key{p.HostIP, p.HostPort, p.Protocol}
			if !seen[k] {
				seen[k] = true
				out = append(out, p)
			}
		}
	}
	return out
}

// portsOf gives an endpoint's ports as rules. They lead to the address of the
// first network: answers leave by the default route, which is there.
func portsOf(e Endpoint) (out []nat.Port) {
	for _, p := range e.Ports {
		for _, ip := range p.HostIPs() {
			if to := e.leadsTo(ip); to.IsValid() {
				out = append(out, nat.Port{
					HostIP: ip, HostPort: p.HostPort, Protocol: p.Protocol,
					To: netip.AddrPortFrom(to, p.Target), Comment: e.Stack + "/" + e.Service,
				})
			}
		}
	}
	return out
}
