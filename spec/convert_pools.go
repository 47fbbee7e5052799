package spec

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
)

// address reads an address that is one of a machine, not of a link of it.
func address(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	return a, err == nil && a.Zone() == "" && !a.Is4In6()
}

// pools takes what addresses come from: one subnet of each family at most.
func (c *netConverter) pools(list []*types.IPAMPool) {
	has := map[bool]bool{} // by whether it is IPv6
	for i, p := range list {
		attr := fmt.Sprintf("ipam.config[%d]", i)
		if p.Subnet == "" {
			if p.Gateway != "" || p.IPRange != "" || len(p.AuxiliaryAddresses) > 0 {
				c.fail(attr, "a gateway, a range or reserved addresses need a subnet")
			}
			continue
		}
		subnet, err := netip.ParsePrefix(p.Subnet)
		six := err == nil && subnet.Addr().Is6()
		pool := &c.out.Pool
		switch {
		case err != nil || !fits(subnet):
			c.fail(attr+".subnet", "%q is not a subnet: of IPv4 with 8 to 29 bits, of IPv6 with 16 to 126", printable(p.Subnet))
			continue
		case has[six]:
			c.fail(attr, "a bridge has one subnet of each family, and this is another; use several networks")
			continue
		case six && c.out.IPv6 == nil:
			c.fail(attr, "an IPv6 subnet needs enable_ipv6: true")
			continue
		case !six && c.out.NoIPv4:
			c.fail(attr, "an IPv4 subnet needs IPv4: remove it, or enable_ipv4: false")
			continue
		case six:
			pool = c.out.IPv6
		}
		has[six] = true
		*pool = c.pool(attr, subnet.Masked(), p)
	}
}

func fits(p netip.Prefix) bool {
	if p.Addr().Is4() {
		return 8 <= p.Bits() && p.Bits() <= 29
	}
	return 16 <= p.Bits() && p.Bits() <= 126 && !p.Addr().Is4In6()
}

func (c *netConverter) pool(attr string, subnet netip.Prefix, p *types.IPAMPool) Pool {
	out := Pool{Subnet: subnet.String()}
	inside := func(attr, text string) string {
		a, ok := address(text)
		if !ok || !subnet.Contains(a) || a == subnet.Addr() {
			c.fail(attr, "%q is not an address of %s", printable(text), subnet)
		}
		return a.String()
	}
	if p.Gateway != "" {
		out.Gateway = inside(attr+".gateway", p.Gateway)
	}
	if p.IPRange != "" {
		r, err := netip.ParsePrefix(p.IPRange)
		if err != nil || r.Bits() < subnet.Bits() || !subnet.Contains(r.Addr()) {
			c.fail(attr+".ip_range", "%q is not a part of %s, as a subnet is written", printable(p.IPRange), subnet)
		}
		out.Range = r.Masked().String()
	}
	for _, name := range slices.Sorted(maps.Keys(p.AuxiliaryAddresses)) {
		a := inside(attr+".aux_addresses."+name, p.AuxiliaryAddresses[name])
		if a == out.Gateway {
			c.fail(attr+".aux_addresses."+name, "%s is the gateway", a)
		}
		out.Reserved = append(out.Reserved, Pair{name, a})
	}
	return out
}
