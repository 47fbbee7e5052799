package bridge

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Spec is a bridge as it shall be.
type Spec struct {
	Name     string
	Alias    string       // shown to humans by ip link
	Gateway  netip.Prefix // its address, with the subnet's length; zero for no IPv4
	Gateway6 netip.Prefix // likewise of IPv6
	MAC      string       // fixed, else it would change with the first port
	MTU      int          // bytes; 0 for the kernel's default
	Apart    bool         // its ports do not reach each other
	Seed     string       // what the names of its ports are made from; empty for Name
}

// gateways are the addresses that it has.
func (s Spec) gateways() []netip.Prefix { return present(s.Gateway, s.Gateway6) }

func present(list ...netip.Prefix) []netip.Prefix {
	return slices.DeleteFunc(list, func(p netip.Prefix) bool { return !p.IsValid() })
}

// Ensure makes the bridge, or mends it: address, up, and route_localnet, by
// which localhost:port reaches containers. Several may do so at once.
func Ensure(s Spec) (netlink.Link, error) {
	l, err := ensureLink(s)
	if err != nil {
		return nil, fmt.Errorf("bridge %s: %w", s.Name, err)
	}
	if l.Attrs().Flags&net.FlagUp != 0 && l.Attrs().Alias == s.Alias && hasAddresses(l, s.gateways()) && localnet(s.Name) {
		return l, nil
	}
	if err := configure(l, s); err != nil {
		return nil, fmt.Errorf("bridge %s: %w", s.Name, err)
	}
	return l, nil
}

func ensureLink(s Spec) (netlink.Link, error) {
	l, err := netlink.LinkByName(s.Name)
	if err == nil {
		if l.Type() != "bridge" {
			return nil, fmt.Errorf("a link of this name exists and is a %s", l.Type())
		}
		return l, nil
	}
	if !isNotFound(err) {
		return nil, err
	}
	mac, err := net.ParseMAC(s.MAC)
	if err != nil {
		return nil, err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr, attrs.MTU = s.Name, mac, s.MTU
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, err
	}
	return netlink.LinkByName(s.Name)
}

func configure(l netlink.Link, s Spec) error {
	if l.Attrs().Alias != s.Alias {
		if err := netlink.LinkSetAlias(l, s.Alias); err != nil {
			return fmt.Errorf("set alias: %w", err)
		}
	}
	if err := ipv6(s); err != nil {
		return err
	}
	for _, gw := range s.gateways() {
		if err := netlink.AddrReplace(l, addr(gw)); err != nil {
			return fmt.Errorf("add address %s: %w", gw, err)
		}
	}
	if err := os.WriteFile(localnetPath(s.Name), []byte("1"), 0o644); err != nil { //nolint:forbidigo // a kernel setting, no file
		return err
	}
	return netlink.LinkSetUp(l)
}

// ipv6 switches it off on a bridge that has none, so that nothing of it goes
// through this machine; else the bridge believes nobody who says he is a router,
// and its own link address may be used at once: without that, what comes from
// elsewhere finds no container for a second or two.
func ipv6(s Spec) error {
	settings := map[string]string{"disable_ipv6": "1"}
	if s.Gateway6.IsValid() {
		settings = map[string]string{"disable_ipv6": "0", "accept_ra": "0", "accept_dad": "0"}
	}
	for name, value := range settings {
		err := os.WriteFile(filepath.Join("/proc/sys/net/ipv6/conf", s.Name, name), []byte(value), 0o644) //nolint:forbidigo // a kernel setting, no file
		if err != nil && (s.Gateway6.IsValid() || !errors.Is(err, fs.ErrNotExist)) {
			return err
		}
	}
	return nil
}

// addr is an address as netlink takes it. Ours collide with nobody's, so that the
// kernel need not ask around before it may be used.
func addr(p netip.Prefix) *netlink.Addr {
	a := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}

func hasAddresses(l netlink.Link, want []netip.Prefix) bool {
	family := netlink.FAMILY_ALL
	if len(want) == 1 && want[0].Addr().Is4() {
		family = netlink.FAMILY_V4
	}
	addrs, err := netlink.AddrList(l, family)
	return err == nil && lacks(addrs, want) == netip.Prefix{}
}

// lacks gives the first of want that is not among addrs; zero if all are.
func lacks(addrs []netlink.Addr, want []netip.Prefix) netip.Prefix {
	for _, p := range want {
		if !slices.ContainsFunc(addrs, func(a netlink.Addr) bool { return a.IPNet.String() == p.String() }) {
			return p
		}
	}
	return netip.Prefix{}
}

func localnetPath(name string) string {
	return filepath.Join("/proc/sys/net/ipv4/conf", name, "route_localnet")
}

func localnet(name string) bool {
	b, err := os.ReadFile(localnetPath(name))
	return err == nil && len(b) > 0 && b[0] == '1'
}

// Remove takes the link of that name away; one that is not there is no error.
func Remove(name string) error {
	l, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkDel(l)
	}
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("remove link %s: %w", name, err)
	}
	return nil
}

// Exists says whether there is a link of that name; in doubt there is.
func Exists(name string) bool {
	_, err := netlink.LinkByName(name)
	return err == nil || !isNotFound(err)
}

func isNotFound(err error) bool {
	var none netlink.LinkNotFoundError
	return errors.As(err, &none) || errors.Is(err, unix.ENODEV)
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// Ours says whether the link of a bridge that a user has named is that network's,
// or not there; in doubt it is not.
func Ours(s Spec) bool {
	l, err := netlink.LinkByName(s.Name)
	if err != nil {
		return isNotFound(err)
	}
	return l.Type() == "bridge" && l.Attrs().Alias == s.Alias
}
