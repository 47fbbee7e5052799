package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const bridgeName = "floor0"

// address is number host of the bridge's subnet.
func address(host int) net.IP { return net.IPv4(10, 213, 77, byte(host)).To4() }

func subnet(host int) *net.IPNet { return &net.IPNet{IP: address(host), Mask: net.CIDRMask(24, 32)} }

// containerHost is the number of container i in the subnet; the bridge has 1.
func containerHost(i int) int { return i + 2 }

func makeBridge() error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = bridgeName
	br := &netlink.Bridge{LinkAttrs: attrs}
	if err := netlink.LinkAdd(br); err != nil {
		return fmt.Errorf("make bridge %s: %w", bridgeName, err)
	}
	return errors.Join(netlink.AddrAdd(br, &netlink.Addr{IPNet: subnet(1)}), netlink.LinkSetUp(br))
}

func removeBridge() error {
	br, err := netlink.LinkByName(bridgeName)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err != nil {
		return err
	}
	return netlink.LinkDel(br)
}

// attach joins container i's namespace to the bridge.
func attach(i int, path string) error {
	br, err := netlink.LinkByName(bridgeName)
	if err != nil {
		return err
	}
	ns, err := netns.GetFromPath(path)
	if err != nil {
		return err
	}
	defer func() { _ = ns.Close() }()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MasterIndex, attrs.Flags = fmt.Sprintf("floor0v%d", i), br.Attrs().Index, net.FlagUp
	err = netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(int(ns))})
	if err != nil {
		return err
	}
	inside, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer inside.Close()
	eth, err := inside.LinkByName("eth0")
	if err != nil {
		return err
	}
	if err := inside.AddrAdd(eth, &netlink.Addr{IPNet: subnet(containerHost(i))}); err != nil {
		return err
	}
	if err := inside.LinkSetUp(eth); err != nil {
		return err
	}
	return inside.RouteAdd(&netlink.Route{LinkIndex: eth.Attrs().Index, Gw: address(1)})
}

// makeNetns makes a network namespace with its loopback up, kept by a mount at path.
func makeNetns(path string) error {
	if err := os.WriteFile(path, nil, 0o600); err != nil { //nolint:forbidigo // an empty file to mount on
		return err
	}
	done := make(chan error)
	go func() { done <- unshareTo(path) }()
	return <-done
}

// unshareTo leaves its thread locked if it cannot bring it back home: the
// thread then ends with the goroutine.
func unshareTo(path string) error {
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		return err
	}
	defer func() { _ = home.Close() }()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = errors.Join(netlink.LinkSetUp(lo), unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, ""))
	}
	if back := netns.Set(home); back != nil {
		return errors.Join(err, back)
	}
	runtime.UnlockOSThread()
	return err
}

// removeNetns lets the namespace go, which takes the veth pair along.
func removeNetns(path string) error {
	err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return os.RemoveAll(path)
}
