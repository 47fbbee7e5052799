package network

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// both makes a network of both families.
func (w *world) both(name string, asked Settings) Network {
	w.t.Helper()
	asked.IPv6 = &Pool{}
	n, err := w.CreateNetwork(w.t.Context(), "shop", name, "shop_"+name, asked)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// TestBothFamilies: addresses of both, kept over a stop, and rules of IPv6 only
// as long as there is a network that has it.
func TestBothFamilies(t *testing.T) {
	w := newWorld(t)
	n := w.both("default", Settings{})
	other := w.both("other", Settings{NoIPv4: true})
	if n.Subnet6.Overlaps(other.Subnet6) || other.Subnet.IsValid() {
		t.Errorf("subnets %s and %s %s", n.Subnet6, other.Subnet, other.Subnet6)
	}
	e := w.claim(endpointOf("web1", "web", "shop"), tcp(8080, 80), at("::", udp(53, 53)))
	a := e.Attachments[0]
	if !n.Subnet.Contains(a.Address.Addr()) || !n.Subnet6.Contains(a.Address6.Addr()) || !e.Ports[0].IPv6 {
		t.Errorf("claimed %+v", e)
	}
	w.attach("web1")
	w.attach("web1")
	rules := w.ruleset()
	for _, want := range []string{"dnat to " + a.Address.Addr().String() + ":80", "dnat to [" + a.Address6.Addr().String() + "]:80", "dnat to [" + a.Address6.Addr().String() + "]:53"} {
		if !strings.Contains(rules, want) {
			t.Errorf("no rule has %q:\n%s", want, rules)
		}
	}
	if strings.Contains(rules, a.Address.Addr().String()+":53") {
		t.Error("a port of [::] is published by IPv4")
	}
	w.detach("web1")
	w.attach("web1")
	if again := w.claim(endpointOf("web1", "web", "shop"), tcp(8080, 80)); again.Attachments[0].Address6 != a.Address6 {
		t.Errorf("another address: %s", again.Attachments[0].Address6)
	}
	w.release("web1")
	for _, name := range []string{n.Name, other.Name} {
		if err := w.RemoveNetwork(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(w.ruleset(), "table ip6") {
		t.Errorf("rules of IPv6 stay:\n%s", w.ruleset())
	}
}

// TestReachOfIPv6 is the map of who reaches whom by IPv6, and as whom.
func TestReachOfIPv6(t *testing.T) {
	w := newWorld(t)
	outside := neighbor(t)
	serve(t, outside, "outside", 7000)
	shop, shut := w.both("default", Settings{}), w.both("shut", Settings{Internal: true})
	apart := w.both("apart", Settings{Apart: true, NoIPv4: true})
	ends := map[string]Endpoint{}
	for name, n := range map[string]Network{"web": shop, "db": shop, "sealed": shut, "one": apart, "two": apart} {
		e := endpointOf(name+"1", name, "shop")
		e.Attachments[0].Network = n.Name
		var ports []Published
		if name == "web" {
			ports = []Published{tcp(8080, 80), udp(8080, 80), at(hostAddr6, tcp(8082, 80)), at("0.0.0.0", tcp(8083, 80))}
		}
		ends[name] = w.claim(e, ports...)
		w.attach(e.ID)
		serve(t, w.NetnsPath(e.ID), name, 80)
	}
	of := func(name string) string { return ends[name].Attachments[0].Address6.Addr().String() }
	in := func(name string) string { return w.NetnsPath(ends[name].ID) }
	to := func(ip string, port string) string { return net.JoinHostPort(ip, port) }
	const refused = ""
	for _, tt := range []struct{ name, from, protocol, to, want, seen string }{
		{"host address to port", "", "tcp", to(hostAddr6, "8080"), "web", ""},
		{"host address to udp port", "", "udp", to(hostAddr6, "8080"), "web", ""},
		{"the same by IPv4", "", "tcp", to("127.0.0.1", "8080"), "web", ""},
		{"::1 leads nowhere", "", "tcp", to("::1", "8080"), refused, ""},
		{"host to container", "", "tcp", to(of("db"), "80"), "db", ""},
		{"neighbour to port, its address kept", outside, "tcp", to(hostAddr6, "8080"), "web", neighborAddr6},
		{"neighbour to udp port, its address kept", outside, "udp", to(hostAddr6, "8080"), "web", neighborAddr6},
		{"neighbour to port of one address", outside, "tcp", to(hostAddr6, "8082"), "web", ""},
		{"port of one address by another", "", "tcp", to(shop.Gateway6.String(), "8082"), refused, ""},
		{"port of IPv4 alone", outside, "tcp", to(hostAddr6, "8083"), refused, ""},
		{"neighbour to container", outside, "tcp", to(of("db"), "80"), refused, ""},
		{"container to its peer, its address kept", in("db"), "tcp", to(of("web"), "80"), "web", of("db")},
		{"container to its peer by the host's port", in("db"), "tcp", to(hostAddr6, "8080"), "web", shop.Gateway6.String()},
		{"container to itself by the host's port", in("web"), "tcp", to(hostAddr6, "8080"), "web", shop.Gateway6.String()},
		{"container to another network", in("one"), "tcp", to(of("db"), "80"), refused, ""},
		{"container to another network by the host's port", in("one"), "tcp", to(hostAddr6, "8080"), "web", ""},
		{"container out to the neighbour, as the host", in("web"), "tcp", to(neighborAddr6, "7000"), "outside", hostAddr6},
		{"internal network out", in("sealed"), "udp", to(neighborAddr6, "7000"), refused, ""},
		{"apart from its peer", in("one"), "tcp", to(of("two"), "80"), refused, ""},
		{"apart, and out to the neighbour", in("two"), "tcp", to(neighborAddr6, "7000"), "outside", hostAddr6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, seen, err := ask(t, limitFor(tt.want), tt.from, tt.protocol, tt.to)
			if got != tt.want || tt.seen != "" && seen != tt.seen {
				t.Errorf("answer %q to %s (%v), want %q to %s", got, seen, err, tt.want, tt.seen)
			}
		})
	}
}

// TestPortSwitchOfIPv6: as TestPortSwitch, for a UDP client that keeps its socket.
func TestPortSwitchOfIPv6(t *testing.T) {
	w := newWorld(t)
	gw := w.both("default", Settings{}).Gateway6.String()
	for _, id := range []string{"web1", "web2"} {
		w.claim(endpointOf(id, "web", "shop"), udp(8080, 80))
	}
	c, err := net.Dial("udp6", net.JoinHostPort(gw, "8080"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for _, id := range []string{"web1", "web2"} {
		w.attach(id)
		serve(t, w.NetnsPath(id), id, 80)
		if got, _, err := exchange(c, answer); got != id {
			t.Errorf("answer %q (%v), want %q", got, err, id)
		}
	}
	w.detach("web2")
	if got, _, err := exchange(c, answer); got != "web1" {
		t.Errorf("answer %q (%v) after the successor went, want web1", got, err)
	}
}

// TestQuestionsWait: a question that nobody answers any more is not refused, so that
// a resolver asks again; one at any other port is, and all before there was anybody.
func TestQuestionsWait(t *testing.T) {
	w := newWorld(t)
	n := w.both("default", Settings{})
	w.claim(endpointOf("web1", "web", "shop"))
	w.attach("web1")
	expect := func(when string, patient bool) {
		t.Helper()
		for _, gateway := range []string{n.Gateway.String(), n.Gateway6.String()} {
			for port, waits := range map[string]bool{"53": patient, "5353": false} {
				for _, protocol := range []string{"udp", "tcp"} {
					limit := answer // of a refusal
					if waits {
						limit = silence
					}
					_, _, err := ask(t, limit, w.NetnsPath("web1"), protocol, net.JoinHostPort(gateway, port))
					var late net.Error
					if (errors.As(err, &late) && late.Timeout()) != waits {
						t.Errorf("%s, %s port %s of %s: %v", when, protocol, port, gateway, err)
					}
				}
			}
		}
	}
	set := func(is bool) {
		t.Helper()
		if err := w.SetAnswering(t.Context(), is); err != nil {
			t.Fatal(err)
		}
	}
	expect("before anybody answers", false)
	set(true)
	expect("once somebody did", true)
	if err := reset(t, w.NetnsPath("web1"), n.NameSockets()[0], net.JoinHostPort(n.Gateway.String(), "53")); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("whose connection is cut is not told: %v", err)
	}
	set(false)
	w.detach("web1")
	w.attach("web1")
	expect("after that", false)
}

// reset has a connection from a namespace cut by who listens, and gives what the
// caller hears.
func reset(t *testing.T, path string, listens netip.AddrPort, to string) (err error) {
	t.Helper()
	l, err := net.Listen("tcp", listens.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_ = c.(*net.TCPConn).SetLinger(0) //nolint:forcetypeassert // it is of TCP
		_ = c.Close()
	}()
	_, _, err = ask(t, answer, path, "tcp", to)
	return err
}

// TestForwardingKeepsRouters: who listens to routers goes on with it.
func TestForwardingKeepsRouters(t *testing.T) {
	w := newWorld(t)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "uplink"
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = netlink.LinkDel(&netlink.Bridge{LinkAttrs: attrs}) }()
	if err := set(filepath.Join(conf6, "all", "forwarding"), "0"); err != nil {
		t.Fatal(err)
	}
	w.network("shop")
	if !reads(filepath.Join(conf6, "all", "forwarding"), "0") || !reads(filepath.Join(conf6, "uplink", "accept_ra"), "1") {
		t.Error("a network without IPv6 has changed what IPv6 does")
	}
	w.both("other", Settings{})
	if !reads(filepath.Join(conf6, "all", "forwarding"), "1") || !reads(filepath.Join(conf6, "uplink", "accept_ra"), "2") {
		t.Error("forwarding is off, or the uplink no longer listens to routers")
	}
}

// TestPortsNeedTheirFamily: what cannot be had is refused.
func TestPortsNeedTheirFamily(t *testing.T) {
	w := newWorld(t)
	w.network("shop")
	_, err := w.Claim(t.Context(), endpointOf("web1", "web", "shop"), []Published{at("fd00::1", tcp(8080, 80))})
	if err == nil || !strings.Contains(err.Error(), "no address of that family") {
		t.Errorf("got %v", err)
	}
}

// TestMacvlanComesAgain: an interface that the standard plugin makes is named as
// asked, has its settings, and is made anew at the next start.
func TestMacvlanComesAgain(t *testing.T) {
	w := newWorld(t)
	w.PluginDir = filepath.Join("..", "..", "bin", "libexec", "stackup")
	if _, err := os.Stat(filepath.Join(w.PluginDir, "macvlan")); err != nil {
		t.Skip("needs the standard plugins (make build)")
	}
	w.Host = New(w.Dirs, w.PluginDir, w.Log)
	if out, err := exec.Command("ip", "link", "add", "wire0", "type", "veth", "peer", "name", "wire1").CombinedOutput(); err != nil {
		t.Skipf("no link for a parent: %v %s", err, out)
	}
	defer func() { _ = exec.Command("ip", "link", "del", "wire0").Run() }()
	asked := Settings{Driver: "macvlan", Parent: "wire0", Pool: Pool{Subnet: netip.MustParsePrefix("192.0.2.0/24")}}
	if _, err := w.CreateNetwork(t.Context(), "shop", "default", "shop_default", asked); err != nil {
		t.Fatal(err)
	}
	e := endpointOf("web1", "web", "shop")
	e.Attachments[0].Interface, e.Attachments[0].Named = "front0", true
	e.Attachments[0].Sysctls = map[string]string{"net.ipv4.conf.IFNAME.log_martians": "1"}
	e = w.claim(e)
	for range 2 {
		w.attach("web1")
		within(t, w.NetnsPath("web1"), func() {
			if b, err := os.ReadFile("/proc/thread-self/net/route"); err != nil || !strings.Contains(string(b), "front0\t00000000\t010200C0") {
				t.Errorf("routes:\n%s%v", b, err)
			}
			if !reads("/proc/sys/net/ipv4/conf/front0/log_martians", "1") {
				t.Error("the setting is not made")
			}
		})
		if err := w.wire(t.Context(), e); err != nil { // in order: nothing to do
			t.Fatal(err)
		}
		within(t, w.NetnsPath("web1"), func() {
			l, err := netlink.LinkByName("front0")
			if err == nil {
				err = netlink.AddrDel(l, &netlink.Addr{IPNet: ipNetOf(e.Attachments[0].Address)})
			}
			if err != nil {
				t.Error(err)
			}
		})
		if err := w.wire(t.Context(), e); err != nil { // not in order: made anew
			t.Error(err)
		}
		w.detach("web1")
	}
}

func ipNetOf(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
