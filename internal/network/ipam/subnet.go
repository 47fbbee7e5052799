// Package ipam chooses subnets and addresses. It is pure: what is taken is
// told by the caller, and equal input gives an equal choice.
package ipam

import (
	"errors"
	"fmt"
	"net/netip"
)

// SubnetBits is the prefix length of the subnets that FreeSubnet hands out.
const SubnetBits = 24

// ErrNoSubnet says that every subnet of every pool overlaps something.
var ErrNoSubnet = errors.New("no free subnet")

// Pools are the private ranges (RFC 1918) that subnets are taken from, in
// order. They lie away from the ranges that Docker, libvirt and most home
// routers use; there are several so that a VPN that routes one whole private
// range still leaves another.
func Pools() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("10.210.0.0/16"),
		netip.MustParsePrefix("10.211.0.0/16"),
		netip.MustParsePrefix("172.29.0.0/16"),
		netip.MustParsePrefix("192.168.208.0/20"),
	}
}

// FreeSubnet gives the first /24 of the pools that overlaps nothing in taken.
// Entries of taken that cover everything (a default route) are no obstacle.
func FreeSubnet(pools, taken []netip.Prefix) (netip.Prefix, error) {
	for _, pool := range pools {
		for s := netip.PrefixFrom(pool.Masked().Addr(), SubnetBits); pool.Contains(s.Addr()); s = following(s) {
			if _, hit := Overlap(s, taken); !hit {
				return s, nil
			}
		}
	}
	return netip.Prefix{}, fmt.Errorf("%w: every /%d of %v overlaps a route, an address or another network of this host",
		ErrNoSubnet, SubnetBits, pools)
}

// Overlap finds what of taken a subnet shares addresses with. Entries that cover
// everything (a default route) do not count.
func Overlap(s netip.Prefix, taken []netip.Prefix) (netip.Prefix, bool) {
	for _, t := range taken {
		if t.Bits() > 0 && t.Overlaps(s) {
			return t, true
		}
	}
	return netip.Prefix{}, false
}

// following gives the subnet right after s, of the same size.
func following(s netip.Prefix) netip.Prefix {
	return netip.PrefixFrom(Last(s).Next(), s.Bits())
}

// Last gives the last address of an IPv4 prefix: its broadcast address.
func Last(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		a[bit/8] |= 1 << (7 - bit%8)
	}
	return netip.AddrFrom4(a)
}
