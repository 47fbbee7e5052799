package bridge

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Attachment is one interface of a container as it shall be.
type Attachment struct {
	Bridge    Spec
	Container string
	Interface string // name in the container
	Address   netip.Prefix
	MAC       string
	Default   bool // the default route goes by this one
}

// HostSide is the name of the attachment's end on the host.
func (a Attachment) HostSide() string { return VethName(a.Bridge.Name, a.Container, a.Interface) }

// Attach joins the network namespace at path to the bridge. What an earlier
// try left behind is replaced; if it fails, it leaves nothing.
func Attach(a Attachment, path string) error {
	br, err := Ensure(a.Bridge)
	if err != nil {
		return err
	}
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
	if err := pair(a, br, ns, inside); err != nil {
		return err
	}
	if err := address(a, inside); err != nil {
		return errors.Join(err, Remove(a.HostSide()))
	}
	return nil
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
	veth := &netlink.Veth{LinkAttrs: attrs, PeerName: a.Interface, PeerHardwareAddr: mac, PeerNamespace: netlink.NsFd(int(ns)), PeerMTU: uint32(a.Bridge.MTU)}
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
	if err := join(veth, br); err != nil {
		return errors.Join(fmt.Errorf("join %s to bridge %s: %w", a.HostSide(), a.Bridge.Name, err), Remove(a.HostSide()))
	}
	return nil
}

func join(veth, br netlink.Link) error {
	if err := netlink.LinkSetMaster(veth, br); err != nil {
		return err
	}
	return netlink.LinkSetHairpin(veth, true)
}

// clearStale removes a stale pair by either end.
func clearStale(a Attachment, inside *netlink.Handle) error {
	if err := Remove(a.HostSide()); err != nil {
		return err
	}
	l, err := inside.LinkByName(a.Interface)
	if err == nil {
		err = inside.LinkDel(l)
	}
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("remove stale interface %s: %w", a.Interface, err)
	}
	return nil
}

func address(a Attachment, inside *netlink.Handle) error {
	l, err := inside.LinkByName(a.Interface)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", a.Interface, err)
	}
	if err := inside.AddrReplace(l, &netlink.Addr{IPNet: ipNet(a.Address)}); err != nil {
		return fmt.Errorf("add address %s to %s: %w", a.Address, a.Interface, err)
	}
	if err := inside.LinkSetUp(l); err != nil {
		return fmt.Errorf("set %s up: %w", a.Interface, err)
	}
	if !a.Default {
		return nil
	}
	route := &netlink.Route{LinkIndex: l.Attrs().Index, Gw: a.Bridge.Gateway.Addr().AsSlice(), Dst: &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}}
	if err := inside.RouteReplace(route); err != nil {
		return fmt.Errorf("add default route by %s: %w", a.Bridge.Gateway.Addr(), err)
	}
	return nil
}

// Check says what is missing of an attachment.
func Check(a Attachment, path string) error {
	l, err := netlink.LinkByName(a.HostSide())
	if err != nil {
		return fmt.Errorf("host side %s: %w", a.HostSide(), err)
	}
	br, err := netlink.LinkByName(a.Bridge.Name)
	if err != nil {
		return fmt.Errorf("bridge %s: %w", a.Bridge.Name, err)
	}
	if l.Attrs().MasterIndex != br.Attrs().Index {
		return fmt.Errorf("%s is not a port of bridge %s", a.HostSide(), a.Bridge.Name)
	}
	ns, err := netns.GetFromPath(path)
	if err != nil {
		return fmt.Errorf("open network namespace %s: %w", path, err)
	}
	defer func() { _ = ns.Close() }()
	inside, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer inside.Close()
	return checkInside(a, inside)
}

func checkInside(a Attachment, inside *netlink.Handle) error {
	l, err := inside.LinkByName(a.Interface)
	if err != nil {
		return fmt.Errorf("interface %s: %w", a.Interface, err)
	}
	addrs, err := inside.AddrList(l, netlink.FAMILY_V4)
	if err != nil {
		return err
	}
	for _, has := range addrs {
		if has.IPNet.String() == a.Address.String() {
			return nil
		}
	}
	return fmt.Errorf("interface %s lacks address %s", a.Interface, a.Address)
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
	links, err := netlink.LinkList()
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
