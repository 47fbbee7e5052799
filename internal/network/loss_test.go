package network

import (
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"stackup.dev/stackup/internal/network/bridge"
)

// mend has a network put right, of which something is lost.
func (w *world) mend(network, lost string) {
	w.t.Helper()
	got, err := w.Mend(w.t.Context(), network)
	if err != nil {
		w.t.Fatal(err)
	}
	w.lost("mended", got, network, lost)
	if err := w.nothingLost(); err != nil {
		w.t.Error(err)
	}
}

// lost checks that something is lost of this network, and nothing of others but rules.
func (w *world) lost(when string, got []Loss, network, want string) {
	w.t.Helper()
	found := false
	for _, l := range got {
		found = found || l.Network == network && strings.Contains(l.What, want)
		shared := strings.HasPrefix(l.What, "firewall rules") || strings.HasPrefix(l.What, "the machine's") || strings.HasPrefix(l.What, "the setting forwarding")
		if l.Network != network && !shared {
			w.t.Errorf("%s: lost of another network: %+v", when, l)
		}
	}
	if !found {
		w.t.Errorf("%s: no loss of %q: %+v", when, want, got)
	}
}

func (w *world) nftRun(script string) {
	w.t.Helper()
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("nft: %v: %s", err, out)
	}
}

// link finds a link, in the container's namespace if that is not empty.
func (w *world) linkIn(id, name string) (netlink.Link, *netlink.Handle) {
	w.t.Helper()
	h := &netlink.Handle{}
	if id != "" {
		within(w.t, w.NetnsPath(id), func() {
			var err error
			if h, err = netlink.NewHandle(); err != nil {
				w.t.Fatal(err)
			}
		})
		w.t.Cleanup(h.Close)
	}
	l, err := h.LinkByName(name)
	if err != nil {
		w.t.Fatal(err)
	}
	return l, h
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// removeAddress takes an address off a link.
func (w *world) removeAddress(id, link string, p netip.Prefix) {
	w.t.Helper()
	l, h := w.linkIn(id, link)
	w.check(h.AddrDel(l, &netlink.Addr{IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}}))
}

// removeRoutes takes a family's default route, or all others, off a link.
func (w *world) removeRoutes(id, link string, family int, byDefault bool) {
	w.t.Helper()
	l, h := w.linkIn(id, link)
	routes, err := h.RouteList(l, family)
	w.check(err)
	n := 0
	for _, r := range routes {
		leaves := r.Dst == nil || r.Dst.IP.IsUnspecified()
		if leaves == byDefault && (r.Dst == nil || !r.Dst.IP.IsLinkLocalUnicast()) {
			w.check(h.RouteDel(&r))
			n++
		}
	}
	if n == 0 {
		w.t.Fatalf("no such route by %s: %v", link, routes)
	}
}

// TestLosses: whatever is lost of a network under running containers is seen, and put
// back once, while all else stays as it is: other networks, and the rules of others.
func TestLosses(t *testing.T) {
	veth := func(w *world, id string) string {
		return bridge.VethName(bridge.Name(w.Dirs.Root, "shop_default"), id, "eth0")
	}
	for _, tt := range []struct {
		name, want string
		harm       func(w *world, n Network, e Endpoint)
	}{
		{"all rules flushed", "firewall rules (the table is gone)", func(w *world, _ Network, _ Endpoint) { w.nftRun("flush ruleset\n" + foreignFilter + foreignInput) }},
		{"our table emptied", "firewall rules (rules of chain", func(w *world, _ Network, _ Endpoint) { w.nftRun("flush table ip " + w.Dirs.NftTable()) }},
		{"another firewall reloaded", "firewall rules in chain FORWARD of table filter", func(w *world, _ Network, _ Endpoint) { w.nftRun("delete table ip filter\n" + foreignFilter) }},
		{"the bridge deleted", "bridge ", func(w *world, n Network, _ Endpoint) { w.check(bridge.Remove(n.Bridge)) }},
		{"the bridge down", "the state up of bridge", func(w *world, n Network, _ Endpoint) {
			l, h := w.linkIn("", n.Bridge)
			w.check(h.LinkSetDown(l))
		}},
		{"its address", "address ", func(w *world, n Network, _ Endpoint) {
			w.removeAddress("", n.Bridge, netip.PrefixFrom(n.Gateway, n.Subnet.Bits()))
		}},
		{"its address of IPv6", "address ", func(w *world, n Network, _ Endpoint) {
			w.removeAddress("", n.Bridge, netip.PrefixFrom(n.Gateway6, n.Subnet6.Bits()))
		}},
		{"the route to its subnet", "the route to ", func(w *world, n Network, _ Endpoint) { w.removeRoutes("", n.Bridge, netlink.FAMILY_V4, false) }},
		{"the route to its subnet of IPv6", "the route to ", func(w *world, n Network, _ Endpoint) { w.removeRoutes("", n.Bridge, netlink.FAMILY_V6, false) }},
		{"route_localnet", "the setting route_localnet", func(w *world, n Network, _ Endpoint) {
			w.check(set(filepath.Join("/proc/sys/net/ipv4/conf", n.Bridge, "route_localnet"), "0"))
		}},
		{"IPv6 switched off on the bridge", "the setting disable_ipv6", func(w *world, n Network, _ Endpoint) {
			w.check(set(filepath.Join(conf6, n.Bridge, "disable_ipv6"), "1"))
		}},
		{"forwarding", "net.ipv4.ip_forward", func(w *world, _ Network, _ Endpoint) { w.check(set(forward4, "0")) }},
		{"forwarding of IPv6", "net.ipv6.conf.all.forwarding", func(w *world, _ Network, _ Endpoint) { w.check(set(forward6, "0")) }},
		{"the link of a container", "link sv", func(w *world, _ Network, e Endpoint) { w.check(bridge.Remove(veth(w, e.ID))) }},
		{"the link taken out of the bridge", "the place in bridge", func(w *world, _ Network, e Endpoint) {
			l, h := w.linkIn("", veth(w, e.ID))
			w.check(h.LinkSetNoMaster(l))
		}},
		{"forwarding of the bridge", "the setting forwarding of bridge", func(w *world, n Network, _ Endpoint) {
			w.check(set(filepath.Join("/proc/sys/net/ipv4/conf", n.Bridge, "forwarding"), "0"))
		}},
		{"the link down", "the state up of link", func(w *world, _ Network, e Endpoint) {
			l, h := w.linkIn("", veth(w, e.ID))
			w.check(h.LinkSetDown(l))
		}},
		{"the container's interface down", "the state up of interface eth0 of container shop-web-1", func(w *world, _ Network, e Endpoint) {
			l, h := w.linkIn(e.ID, "eth0")
			w.check(h.LinkSetDown(l))
		}},
		{"the container's address", "address ", func(w *world, _ Network, e Endpoint) { w.removeAddress(e.ID, "eth0", e.Attachments[0].Address) }},
		{"the container's address of IPv6", "address ", func(w *world, _ Network, e Endpoint) { w.removeAddress(e.ID, "eth0", e.Attachments[0].Address6) }},
		{"the container's way out", "the default route", func(w *world, _ Network, e Endpoint) { w.removeRoutes(e.ID, "eth0", netlink.FAMILY_V4, true) }},
		{"the container's way out by IPv6", "the default route of IPv6", func(w *world, _ Network, e Endpoint) { w.removeRoutes(e.ID, "eth0", netlink.FAMILY_V6, true) }},
		{"the container's route to its subnet", "", func(w *world, _ Network, e Endpoint) { w.removeRoutes(e.ID, "eth0", netlink.FAMILY_V4, false) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newLossWorld(t)
			w.check(w.nothingLost())
			rules, links := w.tables(), w.indexes()
			tt.harm(w.world, w.shop, w.web)
			got, err := w.Look(t.Context(), "")
			w.check(err)
			w.lost("harmed", got, w.shop.Name, tt.want)
			w.mend(w.shop.Name, tt.want)
			if diff := cmp.Diff(rules, w.tables()); diff != "" {
				t.Errorf("rules -before +after:\n%s", diff)
			}
			if again, err := w.Mend(t.Context(), w.shop.Name); err != nil || len(again) > 0 {
				t.Errorf("mended twice: %v, %v", again, err)
			}
			if after := w.indexes(); after["alien1"] != links["alien1"] || after["other"] != links["other"] {
				t.Errorf("links of another network are other ones: %v, before %v", after, links)
			}
			w.serves(strings.Contains(tt.want, "rules"))
		})
	}
}

// lossWorld has a network with two containers, and another one with one, beside another
// program's firewall.
type lossWorld struct {
	*world
	shop, other    Network
	web, db, alien Endpoint
	outside        string
}

func newLossWorld(t *testing.T) *lossWorld {
	t.Helper()
	w := &lossWorld{world: newWorld(t), outside: neighbor(t)}
	w.nftRun(foreignFilter + foreignInput)
	t.Cleanup(func() { w.nftRun("delete table ip filter\ndelete table inet others") })
	serve(t, w.outside, "outside", 7000)
	w.shop, w.other = w.both("default", Settings{}), w.network("other")
	web := endpointOf("web1", "web", "shop")
	web.Kept = true
	w.web = w.claim(web, tcp(8080, 80))
	w.db = w.claim(endpointOf("db1", "db", "shop"))
	w.alien = w.claim(endpointOf("alien1", "alien", "other"), tcp(8090, 80))
	for _, e := range []Endpoint{w.web, w.db, w.alien} {
		w.attach(e.ID)
		serve(t, w.NetnsPath(e.ID), e.Service, 80)
	}
	return w
}

func (w *world) nothingLost() error {
	got, err := w.Look(w.t.Context(), "")
	if err == nil && len(got) > 0 {
		err = fmt.Errorf("lost: %v", got)
	}
	return err
}

// serves checks who reaches whom; who does not takes its time to see.
func (w *lossWorld) serves(guardsToo bool) {
	w.t.Helper()
	for _, q := range []struct{ from, to, want string }{
		{"", "127.0.0.1:8080", "web"},
		{w.outside, hostport(hostAddr, 8080), "web"},
		{w.NetnsPath("db1"), hostport(addrOf(w.web), 80), "web"},
		{w.NetnsPath("web1"), hostport(addrOf(w.db), 80), "db"},
		{w.NetnsPath("web1"), hostport(neighborAddr, 7000), "outside"},
		{"", net.JoinHostPort(w.web.Attachments[0].Address6.Addr().String(), "80"), "web"},
		{"", "127.0.0.1:8090", "alien"},
		{w.NetnsPath("alien1"), hostport(addrOf(w.web), 80), ""},
	} {
		if q.want == "" && !guardsToo {
			continue
		}
		if got, _, err := ask(w.t, limitFor(q.want), q.from, "tcp", q.to); got != q.want {
			w.t.Errorf("from %q to %s: answer %q (%v), want %q", q.from, q.to, got, err, q.want)
		}
	}
}

const foreignFilter = `
table ip filter {
	chain FORWARD {
		type filter hook forward priority 0; policy drop;
		ip saddr 198.51.100.1 accept
	}
}
`

const foreignInput = `
table inet others {
	chain input {
		type filter hook input priority 0; policy accept;
		tcp dport 4444 drop
	}
}
`

// tables are the rules of all, by table.
func (w *world) tables() []string {
	return slices.Sorted(strings.SplitSeq("\n"+w.ruleset(), "\ntable "))
}

// indexes are the numbers of links, which change when one is made anew.
func (w *lossWorld) indexes() map[string]int {
	w.t.Helper()
	names := map[string]string{"shop": w.shop.Bridge, "other": w.other.Bridge}
	for _, e := range []Endpoint{w.web, w.db, w.alien} {
		names[e.ID] = w.link(e, 0)
	}
	out := map[string]int{}
	for who, name := range names {
		l, _ := w.linkIn("", name)
		out[who] = l.Attrs().Index
	}
	return out
}

// TestIsolation: a link that somebody takes out of its bridge and puts back is no longer
// apart from the others until it is made so again.
func TestIsolation(t *testing.T) {
	w := newWorld(t)
	n, err := w.CreateNetwork(t.Context(), "shop", "default", "shop_default", Settings{Apart: true})
	w.check(err)
	web, db := w.claim(endpointOf("web1", "web", "shop")), w.claim(endpointOf("db1", "db", "shop"))
	w.attach(web.ID)
	w.attach(db.ID)
	serve(t, w.NetnsPath("web1"), "web", 80)
	w.check(w.nothingLost())
	br, _ := w.linkIn("", n.Bridge)
	for _, e := range []Endpoint{web, db} {
		l, h := w.linkIn("", w.Host.link(e, 0))
		w.check(h.LinkSetNoMaster(l))
		w.check(h.LinkSetMaster(l, br))
	}
	w.mend(n.Name, "the isolation of link")
	if got, _, err := ask(t, answer, "", "tcp", hostport(addrOf(web), 80)); got != "web" {
		t.Errorf("from the machine: %q, %v", got, err)
	}
	if got, _, _ := ask(t, silence, w.NetnsPath("db1"), "tcp", hostport(addrOf(web), 80)); got != "" {
		t.Errorf("from its neighbour: %q", got)
	}
}

// TestLossesOfNobody: a network that no running container is on has lost nothing, also
// after a start of the machine.
func TestLossesOfNobody(t *testing.T) {
	w := newWorld(t)
	n := w.network("shop")
	w.claim(endpointOf("web1", "web", "shop"), tcp(8080, 80))
	w.check(bridge.Remove(n.Bridge))
	w.nftRun("flush ruleset")
	if err := w.nothingLost(); err != nil {
		t.Errorf("never attached: %v", err)
	}
	w.attach("web1")
	w.detach("web1")
	w.check(bridge.Remove(n.Bridge))
	if err := w.nothingLost(); err != nil {
		t.Errorf("detached: %v", err)
	}
	if got, err := w.Mend(t.Context(), n.Name); err != nil || len(got) > 0 {
		t.Errorf("mended: %v, %v", got, err)
	}
}

// TestOwnInterfaces: what a container that may change its interfaces has made of them is
// its own affair; a link that is gone is not.
func TestOwnInterfaces(t *testing.T) {
	w := newWorld(t)
	n := w.network("shop")
	e := endpointOf("vpn1", "vpn", "shop")
	e = w.claim(e)
	w.attach(e.ID)
	w.removeRoutes(e.ID, "eth0", netlink.FAMILY_V4, true)
	if err := w.nothingLost(); err != nil {
		t.Errorf("its route: %v", err)
	}
	l, h := w.linkIn("", n.Bridge)
	w.check(h.LinkSetDown(l))
	w.mend(n.Name, "the state up of bridge")
	if routes, err := w.routesIn(e.ID); err != nil || len(routes) != 1 {
		t.Errorf("its routes are not left alone: %v, %v", routes, err)
	}
	w.check(bridge.Remove(w.Host.link(e, 0)))
	w.mend(n.Name, "link sv")
}

func (w *world) routesIn(id string) ([]netlink.Route, error) {
	l, h := w.linkIn(id, "eth0")
	return h.RouteList(l, netlink.FAMILY_V4)
}

// TestLookBesideOthers: containers that come and go have lost nothing.
func TestLookBesideOthers(t *testing.T) {
	w := newWorld(t)
	w.network("shop")
	w.claim(endpointOf("stays1", "stays", "shop"), tcp(8080, 80))
	w.attach("stays1")
	var all sync.WaitGroup
	done := make(chan struct{})
	for _, id := range []string{"a1", "b1"} {
		w.claim(endpointOf(id, id[:1], "shop"), tcp(0, 80))
		all.Go(func() {
			for range 20 {
				if err := w.Attach(t.Context(), id); err != nil {
					t.Error(err)
				}
				if err := w.Detach(t.Context(), id); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() { all.Wait(); close(done) }()
	for n := 0; ; n++ {
		if got, err := w.Look(t.Context(), ""); err != nil || len(got) > 0 {
			t.Fatalf("look %d: %v, %v", n, got, err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// TestMendSaysWhatItCannot: what cannot be put back does not keep the rest from it.
func TestMendSaysWhatItCannot(t *testing.T) {
	w := newWorld(t)
	n := w.network("shop")
	w.claim(endpointOf("web1", "web", "shop"), tcp(8080, 80))
	w.attach("web1")
	w.check(bridge.Remove(n.Bridge))
	w.check(netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: n.Bridge}, PeerName: "other"}))
	w.check(set(forward4, "0"))
	w.nftRun("flush ruleset")
	if _, err := w.Mend(t.Context(), n.Name); err == nil || !strings.Contains(err.Error(), "a link of this name exists and is a veth") {
		t.Errorf("mended: %v", err)
	}
	if !reads(forward4, "1") || !strings.Contains(w.ruleset(), "dport 8080") {
		t.Error("the rest is not mended")
	}
	w.check(bridge.Remove(n.Bridge))
	w.mend(n.Name, "bridge "+n.Bridge)
}
