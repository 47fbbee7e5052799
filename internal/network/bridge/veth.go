package bridge

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Attachment is one interface of a container as it shall be.
type Attachment struct {
	Bridge    Spec
	Container string
	Slot      string       // its name for CNI: eth0, eth1…
	Interface string       // name in the container; empty for Slot
	Address   netip.Prefix // IPv4; zero for none
	Address6  netip.Prefix // likewise of IPv6
	MAC       string
	Default   bool              // the default route goes by this one
	Default6  bool              // likewise of IPv6
	LinkLocal []netip.Prefix    // further addresses
	Sysctls   map[string]string // of the interface, by names with IFNAME for it
}

// HostSide is the name of the attachment's end on the host.
func (a Attachment) HostSide() string {
	return VethName(cmp.Or(a.Bridge.Seed, a.Bridge.Name), a.Container, a.Slot)
}

// Inside is the name of its end in the container.
func (a Attachment) Inside() string { return cmp.Or(a.Interface, a.Slot) }

func (a Attachment) addresses() []netip.Prefix {
	return append(present(a.Address, a.Address6), a.LinkLocal...)
}

// Attach joins the network namespace at path to the bridge. What an earlier
// try left behind is replaced; if it fails, it leaves nothing.
func Attach(a Attachment, path string) error {
	br, err := Ensure(a.Bridge)
	if err != nil {
		return err
	}
	return enter(path, func(ns netns.NsHandle, inside *netlink.Handle) error {
		if err := pair(a, br, ns, inside); err != nil {
			return err
		}
		if err := errors.Join(settings(a, ns), address(a, inside)); err != nil {
			return errors.Join(err, Remove(a.HostSide()))
		}
		return nil
	})
}

// Finish does to an interface that another plugin has made under the name of
// its slot what that plugin does not: name, further addresses, settings.
func Finish(a Attachment, path string) error {
	return enter(path, func(ns netns.NsHandle, inside *netlink.Handle) error {
		if err := rename(a, inside); err != nil {
			return fmt.Errorf("name interface %s: %w", a.Inside(), err)
		}
		return errors.Join(settings(a, ns), address(a, inside))
	})
}

// Clear removes what an earlier try has left of such an interface.
func Clear(a Attachment, path string) error {
	return enter(path, func(_ netns.NsHandle, inside *netlink.Handle) error {
		for _, name := range []string{a.Slot, a.Inside()} {
			l, err := inside.LinkByName(name)
			if err == nil {
				err = inside.LinkDel(l)
			}
			if err != nil && !isNotFound(err) {
				return fmt.Errorf("remove stale interface %s: %w", name, err)
			}
		}
		return nil
	})
}

// enter calls f with the network namespace at path.
func enter(path string, f func(ns netns.NsHandle, inside *netlink.Handle) error) error {
	ns, err := netns.GetFromPath(path)
	if err != nil {
		return fmt.Errorf("open network namespace %s: %w", path, err)
	}
	defer func() { _ = ns.Close() }()
	inside, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("enter network namespace %s: %w", path, err)
	}
	defer inside.Close()
	return f(ns, inside)
}

// rename needs the link down, by which addresses of IPv6 and routes go.
func rename(a Attachment, inside *netlink.Handle) error {
	l, err := inside.LinkByName(a.Slot)
	if err != nil || a.Inside() == a.Slot {
		return err
	}
	if err := inside.LinkSetDown(l); err != nil {
		return err
	}
	return inside.LinkSetName(l, a.Inside())
}

// pair makes the veth pair with each end in its place and up. Hairpin lets a
// container reach its own published port where bridged packets pass netfilter.
func pair(a Attachment, br netlink.Link, ns netns.NsHandle, inside *netlink.Handle) error {
	mac, err := net.ParseMAC(a.MAC)
	if err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.Flags = a.HostSide(), a.Bridge.MTU, net.FlagUp
	veth := &netlink.Veth{LinkAttrs: attrs, PeerName: a.Inside(), PeerHardwareAddr: mac, PeerNamespace: netlink.NsFd(int(ns)), PeerMTU: uint32(a.Bridge.MTU)}
	err = netlink.LinkAdd(veth)
	if errors.Is(err, unix.EEXIST) {
		if err := clearStale(a, inside); err != nil {
			return err
		}
		err = netlink.LinkAdd(veth)
	}
	if err != nil {
		return fmt.Errorf("make veth %s: %w", a.HostSide(), err)
	}
	if err := join(veth, br, a.Bridge.Apart); err != nil {
		return errors.Join(fmt.Errorf("join %s to bridge %s: %w", a.HostSide(), a.Bridge.Name, err), Remove(a.HostSide()))
	}
	return nil
}

func join(veth, br netlink.Link, apart bool) error {
	if veth.Attrs().MasterIndex != br.Attrs().Index {
		if err := netlink.LinkSetMaster(veth, br); err != nil {
			return err
		}
	}
	if apart {
		if err := netlink.LinkSetIsolated(veth, true); err != nil {
			return err
		}
	}
	return netlink.LinkSetHairpin(veth, true)
}

// clearStale removes a stale pair by either end.
func clearStale(a Attachment, inside *netlink.Handle) error {
	if err := Remove(a.HostSide()); err != nil {
		return err
	}
	l, err := inside.LinkByName(a.Inside())
	if err == nil {
		err = inside.LinkDel(l)
	}
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("remove stale interface %s: %w", a.Inside(), err)
	}
	return nil
}

func address(a Attachment, inside *netlink.Handle) error {
	l, err := inside.LinkByName(a.Inside())
	if err != nil {
		return fmt.Errorf("find interface %s: %w", a.Inside(), err)
	}
	for _, ip := range a.addresses() {
		if err := inside.AddrReplace(l, addr(ip)); err != nil {
			return fmt.Errorf("add address %s to %s: %w", ip, a.Inside(), err)
		}
	}
	if err := inside.LinkSetUp(l); err != nil {
		return fmt.Errorf("set %s up: %w", a.Inside(), err)
	}
	if err := connect(inside, l, a.addresses()); err != nil {
		return fmt.Errorf("interface %s: %w", a.Inside(), err)
	}
	if a.Default {
		err = route(inside, l, netip.IPv4Unspecified(), a.Bridge.Gateway)
	}
	if a.Default6 {
		err = errors.Join(err, route(inside, l, netip.IPv6Unspecified(), a.Bridge.Gateway6))
	}
	return err
}

// route adds a default route; without a gateway all is on the link itself.
func route(inside *netlink.Handle, l netlink.Link, all netip.Addr, gw netip.Prefix) error {
	r := &netlink.Route{LinkIndex: l.Attrs().Index, Dst: ipNet(netip.PrefixFrom(all, 0))}
	if gw.IsValid() {
		r.Gw = gw.Addr().AsSlice()
	} else {
		r.Scope = netlink.SCOPE_LINK
	}
	if err := inside.RouteReplace(r); err != nil {
		return fmt.Errorf("add default route by %s: %w", gw, err)
	}
	return nil
}

// Check finds what is missing of an attachment; a loss is a *LostError.
func Check(a Attachment, path string) error {
	seen, err := SeeOutside(a)
	if err != nil {
		return err
	}
	if err := CheckOutside(a, seen); err != nil {
		return err
	}
	return CheckInside(a, path)
}

// CheckOutside is Check for the end on the host alone, as that was seen.
func CheckOutside(a Attachment, seen *Seen) error {
	l, br := seen.link(a.HostSide()), seen.link(a.Bridge.Name)
	switch {
	case l == nil:
		return &LostError{"link " + a.HostSide()}
	case br == nil:
		return &LostError{"bridge " + a.Bridge.Name}
	case l.Attrs().MasterIndex != br.Attrs().Index:
		return &LostError{"the place in bridge " + a.Bridge.Name + " of link " + a.HostSide()}
	case l.Attrs().Flags&net.FlagUp == 0:
		return &LostError{"the state up of link " + a.HostSide()}
	}
	if !a.Bridge.Apart {
		return nil
	}
	port, err := netlink.LinkGetProtinfo(l)
	if err != nil {
		return fmt.Errorf("port %s: %w", a.HostSide(), err)
	}
	if !port.Isolated {
		return &LostError{"the isolation of link " + a.HostSide()}
	}
	return nil
}

// CheckInside is Check for the end in the container alone.
func CheckInside(a Attachment, path string) error {
	return enter(path, func(_ netns.NsHandle, inside *netlink.Handle) error {
		seen, err := see(inside, nil, slices.ContainsFunc(a.addresses(), is6))
		if err != nil {
			return err
		}
		return checkInside(a, seen)
	})
}

func checkInside(a Attachment, seen *Seen) error {
	l := seen.link(a.Inside())
	if l == nil {
		return &LostError{"interface " + a.Inside()}
	}
	if l.Attrs().Flags&net.FlagUp == 0 {
		return &LostError{"the state up of interface " + a.Inside()}
	}
	if gone := seen.missing(l, a.addresses()); len(gone) > 0 {
		return &LostError{gone[0] + " of interface " + a.Inside()}
	}
	if a.Default && !seen.leaves(false) {
		return &LostError{"the default route by interface " + a.Inside()}
	}
	if a.Default6 && !seen.leaves(true) {
		return &LostError{"the default route of IPv6 by interface " + a.Inside()}
	}
	return nil
}

// HasInside reports whether the end in the container is there, in whatever state.
func HasInside(a Attachment, path string) bool {
	return enter(path, func(_ netns.NsHandle, inside *netlink.Handle) error {
		_, err := inside.LinkByName(a.Inside())
		return err
	}) == nil
}

// Mend puts back what Check misses, and leaves alone what is in order. What is in the
// container counts only if inside is true, unless both ends are gone.
func Mend(a Attachment, path string, inside bool) error {
	l, err := netlink.LinkByName(a.HostSide())
	if isNotFound(err) {
		return Attach(a, path) // with one end the other is gone too
	}
	if err != nil {
		return fmt.Errorf("host side %s: %w", a.HostSide(), err)
	}
	br, err := Ensure(a.Bridge)
	if err != nil {
		return err
	}
	if err := join(l, br, a.Bridge.Apart); err != nil {
		return fmt.Errorf("join %s to bridge %s: %w", a.HostSide(), a.Bridge.Name, err)
	}
	if err := netlink.LinkSetUp(l); err != nil {
		return fmt.Errorf("set %s up: %w", a.HostSide(), err)
	}
	if !inside {
		return nil
	}
	return MendInside(a, path)
}

// MendInside is Mend for the end in the container alone, which must be there.
func MendInside(a Attachment, path string) error {
	return enter(path, func(ns netns.NsHandle, inside *netlink.Handle) error {
		return errors.Join(settings(a, ns), address(a, inside))
	})
}

// Sweep removes the ports of a bridge that are ours and not in keep.
func Sweep(bridge string, keep map[string]bool) error {
	br, err := netlink.LinkByName(bridge)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	links, err := Listed(netlink.LinkList)
	if err != nil {
		return err
	}
	var errs []error
	for _, l := range links {
		n := l.Attrs().Name
		if l.Attrs().MasterIndex == br.Attrs().Index && strings.HasPrefix(n, prefixVeth) && !keep[n] {
			errs = append(errs, Remove(n))
		}
	}
	return errors.Join(errs...)
}
