package network

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/network/bridge"
)

// defaultMTU is for hosts without a default route: Ethernet's.
const defaultMTU = 1500

// hostSubnets gives all ranges that this host knows, of IPv6 only if asked:
// routes of every table, addresses of its links, and its nameservers, which may
// be reached by nothing but the default route. mtu is that of the way out.
func hostSubnets(six bool) (taken []netip.Prefix, mtu int, err error) {
	taken, mtu, err = subnetsOf(netlink.FAMILY_V4)
	if err == nil && six {
		var more []netip.Prefix
		more, _, err = subnetsOf(netlink.FAMILY_V6)
		taken = append(taken, more...)
	}
	for _, path := range []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"} {
		if f, err := os.Open(path); err == nil {
			taken = append(taken, nameservers(bufio.NewScanner(f))...)
			_ = f.Close()
		}
	}
	return taken, mtu, err
}

func subnetsOf(family int) (taken []netip.Prefix, mtu int, err error) {
	mtu = defaultMTU
	// A table of 0 with this filter means all tables.
	routes, err := bridge.Listed(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list routes: %w", err)
	}
	for _, r := range routes {
		p, ok := prefix(r.Dst)
		if ok && p.Bits() > 0 {
			taken = append(taken, p)
		} else if l, err := netlink.LinkByIndex(r.LinkIndex); err == nil && r.Table == unix.RT_TABLE_MAIN {
			mtu = l.Attrs().MTU
		}
	}
	addrs, err := bridge.Listed(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, family) })
	if err != nil {
		return nil, 0, fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range addrs {
		if p, ok := prefix(a.IPNet); ok {
			taken = append(taken, p)
		}
	}
	return taken, mtu, nil
}

func prefix(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	a, ok := netip.AddrFromSlice(n.IP)
	ones, _ := n.Mask.Size()
	return netip.PrefixFrom(a.Unmap(), ones).Masked(), ok
}

// nameservers reads the nameserver lines of a resolv.conf(5).
func nameservers(lines *bufio.Scanner) (out []netip.Prefix) {
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(f[1]); err == nil {
			out = append(out, netip.PrefixFrom(a.WithZone("").Unmap(), a.Unmap().BitLen()))
		}
	}
	return out
}

// subnetLock is the name of the host-wide lock: an abstract unix socket, which
// one process of a network namespace can have and which dies with it.
const subnetLock = "@stackup-subnets"

// lockSubnets waits for the right to choose a subnet on this host.
func lockSubnets(ctx context.Context) (unlock func(), err error) {
	for {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: subnetLock, Net: "unix"})
		if err == nil {
			return func() { _ = l.Close() }, nil
		}
		if !errors.Is(err, unix.EADDRINUSE) {
			return nil, fmt.Errorf("lock subnets: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("another stackup is choosing a subnet: %w", context.Cause(ctx))
		case <-time.After(2 * time.Millisecond):
		}
	}
}
