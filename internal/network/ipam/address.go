package ipam

import (
	"fmt"
	"net/netip"
	"slices"
)

// FullError says that a subnet has no address left.
type FullError struct {
	Subnet  netip.Prefix
	Network string
	Used    int // addresses in use
	Size    int // addresses that containers may have
}

func (e *FullError) Error() string {
	return fmt.Sprintf("subnet %s of network %s is full (%d of %d addresses used)", e.Subnet, e.Network, e.Used, e.Size)
}

// Gateway gives the address that a subnet's bridge has: its first that is not
// kept for somebody else.
func Gateway(subnet netip.Prefix, reserved ...netip.Addr) netip.Addr {
	a := subnet.Masked().Addr().Next()
	for slices.Contains(reserved, a) {
		a = a.Next()
	}
	return a
}

// Size counts the addresses of a subnet that containers may have: all but the
// network's own, the gateway and the broadcast address. Beyond 2^30 it does not
// count on.
func Size(subnet netip.Prefix) int {
	free := min(30, subnet.Addr().BitLen()-subnet.Bits())
	return max(0, 1<<free-3)
}

// FreeAddress gives the first address of the subnet that is in within, a part
// of it, and neither the gateway nor used, with the subnet's prefix length. It
// returns a *FullError that names network when there is none.
func FreeAddress(network string, subnet, within netip.Prefix, gateway netip.Addr, used map[netip.Addr]bool) (netip.Prefix, error) {
	subnet, within = subnet.Masked(), within.Masked()
	last, n := Last(subnet), 0
	for a := within.Addr(); within.Contains(a) && a.Less(last); a = a.Next() {
		switch {
		case a == gateway || a == subnet.Addr():
		case used[a]:
			n++
		default:
			return netip.PrefixFrom(a, subnet.Bits()), nil
		}
	}
	size := Size(within)
	if within != subnet {
		size = n // all that the range has
	}
	return netip.Prefix{}, &FullError{Subnet: within, Network: network, Used: n, Size: size}
}

// MAC gives the hardware address of an address: locally administered, and the
// same for every container that has the address in turn, so that no neighbour
// keeps a stale entry. Of IPv6 the end counts, which differs within a network.
func MAC(a netip.Addr) string {
	if a.Is6() {
		b := a.As16()
		return fmt.Sprintf("02:74:%02x:%02x:%02x:%02x", b[12], b[13], b[14], b[15])
	}
	b := a.As4()
	return fmt.Sprintf("02:73:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3])
}
