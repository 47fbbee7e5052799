package bridge

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Spec is a bridge as it shall be.
type Spec struct {
	Name    string
	Alias   string       // shown to humans by ip link
	Gateway netip.Prefix // its address, with the subnet's length
	MAC     string       // fixed, else it would change with the first port
	MTU     int          // bytes; 0 for the kernel's default
}

// Ensure makes the bridge, or mends it: address, up, and route_localnet, by
// which localhost:port reaches containers. Several may do so at once.
func Ensure(s Spec) (netlink.Link, error) {
	l, err := ensureLink(s)
	if err != nil {
		return nil, fmt.Errorf("bridge %s: %w", s.Name, err)
	}
	if l.Attrs().Flags&net.FlagUp != 0 && l.Attrs().Alias == s.Alias && hasAddress(l, s.Gateway) && localnet(s.Name) {
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
	if err := netlink.AddrReplace(l, &netlink.Addr{IPNet: ipNet(s.Gateway)}); err != nil {
		return fmt.Errorf("add address %s: %w", s.Gateway, err)
	}
	if err := os.WriteFile(localnetPath(s.Name), []byte("1"), 0o644); err != nil { //nolint:forbidigo // a kernel setting, no file
		return err
	}
	return netlink.LinkSetUp(l)
}

func hasAddress(l netlink.Link, want netip.Prefix) bool {
	addrs, err := netlink.AddrList(l, netlink.FAMILY_V4)
	if err != nil {
		return false
	}
	for _, a := range addrs {
		if a.IPNet.String() == want.String() {
			return true
		}
	}
	return false
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
