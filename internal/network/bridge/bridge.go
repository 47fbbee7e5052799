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
	"strings"

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

// LostError says what of a network's links is not as it was made.
type LostError struct {
	What string // "link sv…", "address 10.210.0.1/24 of bridge su…"
}

func (e *LostError) Error() string { return e.What + " is lost" }

// Ensure makes the bridge, or mends it: address, route, up, and route_localnet, by
// which localhost:port reaches containers. Several may do so at once.
func Ensure(s Spec) (netlink.Link, error) {
	l, err := ensureLink(s)
	if err != nil {
		return nil, fmt.Errorf("bridge %s: %w", s.Name, err)
	}
	if seen, err := see(&netlink.Handle{}, l, s.Gateway6.IsValid()); err == nil && len(lostOf(seen, l, s)) == 0 && l.Attrs().Alias == s.Alias {
		return l, nil
	}
	if err := configure(l, s); err != nil {
		return nil, fmt.Errorf("bridge %s: %w", s.Name, err)
	}
	return l, nil
}

// Lost says what is missing of a bridge that was made: all of it, its being up,
// addresses, routes, settings of the kernel.
func Lost(s Spec, seen *Seen) (lost []string, there bool) {
	l := seen.link(s.Name)
	if l == nil {
		return []string{"bridge " + s.Name}, false
	}
	return lostOf(seen, l, s), true
}

func lostOf(seen *Seen, l netlink.Link, s Spec) (out []string) {
	if l.Attrs().Flags&net.FlagUp == 0 {
		out = append(out, "the state up of bridge "+s.Name) // and routes and addresses of IPv6 with it
	}
	for _, what := range seen.missing(l, s.gateways()) {
		out = append(out, what+" of bridge "+s.Name)
	}
	for _, f := range s.settings() {
		if !f.holds() {
			out = append(out, "the setting "+f.name+" of bridge "+s.Name)
		}
	}
	return out
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
	if err := s.write(s.settings()[1:]); err != nil { // before it has an address
		return err
	}
	for _, gw := range s.gateways() {
		if err := netlink.AddrReplace(l, addr(gw)); err != nil {
			return fmt.Errorf("add address %s: %w", gw, err)
		}
	}
	if err := s.write(s.settings()[:1]); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(l); err != nil {
		return err
	}
	return connect(&netlink.Handle{}, l, s.gateways())
}

// setting is one of the kernel's for a bridge.
type setting struct {
	name, path, value string
	may               bool // the kernel may not know it
}

func (f setting) holds() bool {
	b, err := os.ReadFile(f.path)
	return err == nil && strings.TrimSpace(string(b)) == f.value || f.may && errors.Is(err, fs.ErrNotExist)
}

// settings are what the kernel shall keep for the bridge. IPv6 is switched off on one
// that has none, so that nothing of it goes through this machine; else the bridge
// believes nobody who says he is a router, and its own link address may be used at once:
// without that, what comes from elsewhere finds no container for a second or two.
func (s Spec) settings() []setting {
	four, six := filepath.Join("/proc/sys/net/ipv4/conf", s.Name), filepath.Join("/proc/sys/net/ipv6/conf", s.Name)
	out := []setting{{name: "route_localnet", path: filepath.Join(four, "route_localnet"), value: "1"}}
	if s.Gateway.IsValid() {
		out = append(out, setting{name: "forwarding", path: filepath.Join(four, "forwarding"), value: "1"})
	}
	if !s.Gateway6.IsValid() {
		return append(out, setting{name: "disable_ipv6", path: filepath.Join(six, "disable_ipv6"), value: "1", may: true})
	}
	for _, f := range [][2]string{{"disable_ipv6", "0"}, {"accept_ra", "0"}, {"accept_dad", "0"}, {"forwarding", "1"}} {
		out = append(out, setting{name: f[0], path: filepath.Join(six, f[0]), value: f[1]})
	}
	return out
}

// Settings are the files of the kernel's settings for the bridge.
func (s Spec) Settings() (paths []string) {
	for _, f := range s.settings() {
		paths = append(paths, f.path)
	}
	return paths
}

func (s Spec) write(list []setting) error {
	for _, f := range list {
		if f.holds() {
			continue
		}
		if err := os.WriteFile(f.path, []byte(f.value), 0o644); err != nil { //nolint:forbidigo // a kernel setting, no file
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
