package ipam

import (
	"fmt"
	"net/netip"
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

// Gateway gives the address that a subnet's bridge has: its first.
func Gateway(subnet netip.Prefix) netip.Addr { return subnet.Masked().Addr().Next() }

// Size counts the addresses of a subnet that containers may have: all but the
// network's own, the gateway and the broadcast address.
func Size(subnet netip.Prefix) int { return max(0, 1<<(32-subnet.Bits())-3) }

// FreeAddress gives the first address of the subnet that is neither the
// gateway nor used, with the subnet's prefix length. It returns a *FullError
// that names network when there is none.
func FreeAddress(network string, subnet netip.Prefix, gateway netip.Addr, used map[netip.Addr]bool) (netip.Prefix, error) {
	subnet = subnet.Masked()
	last, n := Last(subnet), 0
	for a := subnet.Addr().Next(); a.Less(last); a = a.Next() {
		switch {
		case a == gateway:
		case used[a]:
			n++
		default:
			return netip.PrefixFrom(a, subnet.Bits()), nil
		}
	}
	return netip.Prefix{}, &FullError{Subnet: subnet, Network: network, Used: n, Size: Size(subnet)}
}

// MAC gives the hardware address of an IPv4 address: locally administered,
// and the same for every container that has the address in turn, so that no
// neighbour keeps a stale entry.
func MAC(a netip.Addr) string {
	b := a.As4()
	return fmt.Sprintf("02:73:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3])
}
