package news

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// namespace puts the test's thread into a new network namespace, and returns a handle to
// it. The thread ends with the test.
func namespace(t *testing.T) netns.NsHandle {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		t.Skipf("needs the right to make network namespaces: %v", err)
	}
	ns, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	return ns
}

// another makes a network namespace that the test's thread is not in.
func another(t *testing.T) *netlink.Handle {
	t.Helper()
	var h *netlink.Handle
	var ns netns.NsHandle
	done := make(chan error)
	go func() { // on a thread that ends with it
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			ns, err = netns.Get()
		}
		if err == nil {
			h, err = netlink.NewHandle()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close(); _ = ns.Close() })
	fatal(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "here"}, PeerName: "there", PeerNamespace: netlink.NsFd(int(ns))}))
	return h
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestHeard: changes of links, addresses, routes, settings and rules are heard, also within
// a namespace that has a link into this one; and nothing is, while nothing happens.
func TestHeard(t *testing.T) {
	namespace(t)
	fatal(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "bridge"}}))
	bridge, err := netlink.LinkByName("bridge")
	fatal(t, err)
	inside := another(t)
	peer, err := inside.LinkByName("there")
	fatal(t, err)
	address, err := netlink.ParseAddr("192.0.2.1/24")
	fatal(t, err)
	nft, err := nftables.New()
	fatal(t, err)
	table := &nftables.Table{Family: nftables.TableFamilyIPv4, Name: "some"}
	steps := []struct {
		name string
		do   func() error
	}{
		{"a link up", func() error { return netlink.LinkSetUp(bridge) }},
		{"an address", func() error { return netlink.AddrAdd(bridge, address) }},
		{"a route", func() error {
			_, dst, err := net.ParseCIDR("198.51.100.0/24")
			return errors.Join(err, netlink.RouteAdd(&netlink.Route{LinkIndex: bridge.Attrs().Index, Dst: dst}))
		}},
		{"a route gone", func() error {
			_, dst, err := net.ParseCIDR("198.51.100.0/24")
			return errors.Join(err, netlink.RouteDel(&netlink.Route{LinkIndex: bridge.Attrs().Index, Dst: dst}))
		}},
		{"an address gone", func() error { return netlink.AddrDel(bridge, address) }},
		{"a link gone", func() error { return netlink.LinkDel(bridge) }},
		{"a table", func() error { nft.AddTable(table); return nft.Flush() }},
		{"a table gone", func() error { nft.DelTable(table); return nft.Flush() }},
		{"all rules flushed", func() error { nft.AddTable(table); nft.FlushRuleset(); return nft.Flush() }},
		{"an address in another namespace", func() error { return inside.AddrAdd(peer, address) }},
		{"it is gone", func() error { return inside.AddrDel(peer, address) }},
		{"a setting", func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644) }},
	}
	l := Listen(slog.New(slog.NewTextHandler(t.Output(), nil)))
	l.Settings([]string{"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/no/such"})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { l.Run(ctx) })
	for _, s := range steps {
		silence(t, l, "before "+s.name)
		if err := s.do(); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		select {
		case <-l.C():
		case <-time.After(10 * time.Second):
			t.Errorf("%s: nothing is heard", s.name)
		}
	}
	cancel()
	running.Wait()
}

// silence takes what is still told of the step before, until there is nothing more.
func silence(t *testing.T, l *Listener, when string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; {
		select {
		case <-l.C():
			if time.Now().After(end) {
				t.Fatalf("%s: no end of news", when)
			}
		case <-time.After(50 * time.Millisecond):
			return
		}
	}
}

// TestMoreThanTheSocketHolds: what is lost because nobody took it in time is news too.
func TestMoreThanTheSocketHolds(t *testing.T) {
	namespace(t)
	l := Listen(slog.New(slog.NewTextHandler(t.Output(), nil)))
	for _, f := range l.sockets {
		raw, err := f.SyscallConn()
		fatal(t, err)
		fatal(t, raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1) }))
		fatal(t, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { l.Run(ctx) })
	nft, err := nftables.New()
	fatal(t, err)
	for i := range 200 {
		nft.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: fmt.Sprint("t", i)})
	}
	fatal(t, nft.Flush())
	<-l.C()
	silence(t, l, "after many changes")
	fatal(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "bridge"}}))
	select {
	case <-l.C():
	case <-time.After(10 * time.Second):
		t.Error("nothing is heard after more than the socket holds")
	}
	cancel()
	running.Wait()
}
