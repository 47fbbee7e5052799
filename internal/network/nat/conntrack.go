package nat

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ForgetFlows makes the kernel forget UDP flows of published ports that lead
// elsewhere than they now should. UDP has no end of connection: a client that
// keeps sending keeps its flow, and with it the old destination, for ever.
//
// gone are ports that no longer lead to their container; come are ports that
// now do, for which flows to the host itself, or to a former container, must
// go. local are the host's own addresses. TCP needs none of this.
func ForgetFlows(gone, come []Port, local map[netip.Addr]bool) error {
	f := &stale{gone: udp(gone), come: udp(come), local: local}
	if len(f.gone)+len(f.come) == 0 {
		return nil
	}
	var errs []error
	for _, family := range families(gone, come) {
		_, err := netlink.ConntrackDeleteFilters(netlink.ConntrackTable, family, f)
		if err != nil && !errors.Is(err, unix.ENOENT) { // one that ended by itself meanwhile
			errs = append(errs, fmt.Errorf("forget UDP flows: %w", err))
		}
	}
	return errors.Join(errs...)
}

func families(lists ...[]Port) (out []netlink.InetFamily) {
	for _, p := range slices.Concat(lists...) {
		family := netlink.InetFamily(unix.AF_INET)
		if p.To.Addr().Is6() {
			family = unix.AF_INET6
		}
		if p.Protocol == "udp" && !slices.Contains(out, family) {
			out = append(out, family)
		}
	}
	return out
}

type stale struct {
	gone, come map[uint16][]Port
	local      map[netip.Addr]bool
}

func udp(ports []Port) map[uint16][]Port {
	out := map[uint16][]Port{}
	for _, p := range ports {
		if p.Protocol == "udp" {
			out[p.HostPort] = append(out[p.HostPort], p)
		}
	}
	return out
}

// MatchConntrackFlow implements netlink.CustomConntrackFilter.
func (s *stale) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	if flow.Forward.Protocol != unix.IPPROTO_UDP {
		return false
	}
	to, _ := netip.AddrFromSlice(flow.Forward.DstIP)
	server, _ := netip.AddrFromSlice(flow.Reverse.SrcIP)
	to, server = to.Unmap(), server.Unmap()
	for _, p := range s.gone[flow.Forward.DstPort] {
		if server == p.To.Addr() {
			return true
		}
	}
	for _, p := range s.come[flow.Forward.DstPort] {
		all := !p.HostIP.IsValid() || p.HostIP.IsUnspecified()
		if to.Is4() == p.To.Addr().Is4() && server != p.To.Addr() && s.local[to] && (all || p.HostIP == to) {
			return true
		}
	}
	return false
}
