// Package ipam chooses subnets and addresses. It is pure: what is taken is
// told by the caller, and equal input gives an equal choice.
package ipam

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
)

// The prefix lengths of the subnets that FreeSubnet hands out.
const (
	SubnetBits  = 24
	SubnetBits6 = 64
)

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

// Pool6 is the range that the IPv6 subnets of one machine are taken from: a /48
// of the unique local addresses (RFC 4193), whose number follows from seed, so
// that machines which come to be joined have different ones.
func Pool6(seed []byte) netip.Prefix {
	sum := sha256.Sum256(append([]byte("stackup IPv6 pool\x00"), seed...))
	a := [16]byte{0: 0xfd}
	copy(a[1:6], sum[:])
	return netip.PrefixFrom(netip.AddrFrom16(a), 48)
}

// FreeSubnet gives the first subnet of the pools that overlaps nothing in taken.
// Entries of taken that cover everything (a default route) are no obstacle.
func FreeSubnet(pools, taken []netip.Prefix) (netip.Prefix, error) {
	bits := SubnetBits
	for _, pool := range pools {
		if pool.Addr().Is6() {
			bits = SubnetBits6
		}
		for s := netip.PrefixFrom(pool.Masked().Addr(), bits); pool.Contains(s.Addr()); s = following(s) {
			if _, hit := Overlap(s, taken); !hit {
				return s, nil
			}
		}
	}
	return netip.Prefix{}, fmt.Errorf("%w: every /%d of %v overlaps a route, an address or another network of this host",
		ErrNoSubnet, bits, pools)
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

// Last gives the last address of a prefix: of IPv4 its broadcast address.
func Last(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < 8*len(a); bit++ {
		a[bit/8] |= 1 << (7 - bit%8)
	}
	last, _ := netip.AddrFromSlice(a)
	return last
}
