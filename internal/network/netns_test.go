package network

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// within runs f on a thread that is in the network namespace at path; an
// empty path is this process's own.
func within(t *testing.T, path string, f func()) {
	t.Helper()
	if path == "" {
		f()
		return
	}
	done := make(chan error, 1)
	go func() { done <- visit(path, f) }()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// visit goes and comes back: the thread may be the process's first, which
// never ends and whose namespace /proc/self shows.
func visit(path string, f func()) error {
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		return err
	}
	defer func() { _ = home.Close() }()
	ns, err := netns.GetFromPath(path)
	if err != nil {
		return err
	}
	defer func() { _ = ns.Close() }()
	if err := netns.Set(ns); err != nil {
		return err
	}
	f()
	if err := netns.Set(home); err != nil {
		return err
	}
	runtime.UnlockOSThread()
	return nil
}

// serve answers in a namespace, over TCP and UDP on one port, with its name
// and the client's address.
func serve(t *testing.T, path, name string, port int) {
	t.Helper()
	within(t, path, func() {
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for c, err := l.Accept(); err == nil; c, err = l.Accept() {
				fmt.Fprintf(c, "%s %s", name, host(c.RemoteAddr()))
				_ = c.Close()
			}
		}()
		u, err := net.ListenPacket("udp", fmt.Sprintf(":%d", port))
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { _ = u.Close() })
		go func() {
			b := make([]byte, 64)
			for _, from, err := u.ReadFrom(b); err == nil; _, from, err = u.ReadFrom(b) {
				_, _ = u.WriteTo([]byte(name+" "+host(from)), from)
			}
		}()
	})
}

func host(a net.Addr) string { return netip.MustParseAddrPort(a.String()).Addr().Unmap().String() }

const (
	// silence is how long a test listens for an answer that must not come.
	silence = 250 * time.Millisecond
	// answer is how long an answer that must come may take, on a busy machine too.
	answer = 20 * time.Second
)

// limitFor returns how long to wait for a server of that name; empty: for none.
func limitFor(want string) time.Duration {
	if want == "" {
		return silence
	}
	return answer
}

// ask calls from a namespace and gives the server's name and the address it
// saw, or the error.
func ask(t *testing.T, limit time.Duration, path, protocol, to string) (name, seen string, err error) {
	t.Helper()
	within(t, path, func() {
		var c net.Conn
		c, err = (&net.Dialer{Timeout: limit}).Dial(protocol, to)
		if err == nil {
			defer func() { _ = c.Close() }()
			name, seen, err = exchange(c, limit)
		}
	})
	return name, seen, err
}

func exchange(c net.Conn, limit time.Duration) (name, seen string, err error) {
	_ = c.SetDeadline(time.Now().Add(limit))
	if c.RemoteAddr().Network() == "udp" {
		if _, err := c.Write([]byte("?")); err != nil {
			return "", "", err
		}
	}
	b := make([]byte, 64)
	n, err := c.Read(b)
	if err == nil {
		_, err = fmt.Sscan(string(b[:n]), &name, &seen)
	}
	return name, seen, err
}

// The addresses of this host and of its neighbour on a wire between them.
const (
	hostAddr      = "192.0.2.1"
	neighborAddr  = "192.0.2.9"
	hostAddr6     = "2001:db8::1"
	neighborAddr6 = "2001:db8::9"
)

// neighbor makes another host on a wire, with this one as its router, and
// gives the path of its namespace.
func neighbor(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "neighbor")
	if err := ensureNetns(path); err != nil {
		t.Fatal(err)
	}
	ns, err := netns.GetFromPath(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ns.Close() }()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "wire"
	wire := &netlink.Veth{LinkAttrs: attrs, PeerName: "wire", PeerNamespace: netlink.NsFd(int(ns))}
	if err := netlink.LinkAdd(wire); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := netlink.LinkDel(wire); err != nil {
			t.Error(err)
		}
		if err := removeNetns(path); err != nil {
			t.Error(err)
		}
	})
	plug(t, hostAddr, hostAddr6)
	within(t, path, func() {
		plug(t, neighborAddr, neighborAddr6)
		for _, router := range []string{hostAddr, hostAddr6} {
			if err := netlink.RouteAdd(&netlink.Route{Gw: net.ParseIP(router)}); err != nil {
				t.Error(err)
			}
		}
	})
	return path
}

func plug(t *testing.T, addr, addr6 string) {
	t.Helper()
	l, err := netlink.LinkByName("wire")
	if err != nil {
		t.Error(err)
		return
	}
	a, _ := netlink.ParseAddr(addr + "/24")
	if err := netlink.AddrAdd(l, a); err != nil {
		t.Error(err)
	}
	six, _ := netlink.ParseAddr(addr6 + "/64")
	six.Flags = unix.IFA_F_NODAD
	if err := netlink.AddrAdd(l, six); err != nil {
		t.Error(err)
	}
	if err := netlink.LinkSetUp(l); err != nil {
		t.Error(err)
	}
}

// sendLoopbackOut makes a namespace send 127.0.0.1 out to its router, as an
// attacker on the wire would, instead of keeping it.
func sendLoopbackOut(t *testing.T, path, link, router string) {
	t.Helper()
	within(t, path, func() {
		for _, f := range []string{"all", link} {
			if err := os.WriteFile("/proc/sys/net/ipv4/conf/"+f+"/route_localnet", []byte("1"), 0o644); err != nil {
				t.Error(err)
			}
		}
		for _, p := range []string{"127.0.0.1/32", "127.0.0.0/8"} {
			_, dst, _ := net.ParseCIDR(p)
			r := &netlink.Route{Dst: dst, Table: unix.RT_TABLE_LOCAL, Type: unix.RTN_LOCAL, Scope: unix.RT_SCOPE_HOST}
			if err := netlink.RouteDel(r); err != nil {
				t.Error(err)
			}
		}
		_, dst, _ := net.ParseCIDR("127.0.0.1/32")
		if err := netlink.RouteAdd(&netlink.Route{Dst: dst, Gw: net.ParseIP(router)}); err != nil {
			t.Error(err)
		}
	})
}
