//go:build e2e

package e2e

import (
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const lossStack = `
services:
  web: {image: stackup.test/busybox:1, command: ["httpd", "-f", "-p", "80", "-h", "/www"], ports: ["18161:80"], stop_grace_period: 0s}
  peer: {image: stackup.test/busybox:1, stop_grace_period: 0s}
`

// otherFirewall is one that drops what it does not know, as firewalld and ufw do.
const otherFirewall = `
table inet firewalld {
	chain filter_FORWARD {
		type filter hook forward priority 10; policy accept;
		ct state established,related accept
		reject with icmpx admin-prohibited
	}
}
`

// loss is a way in which a part of a network gets lost, as commands: BRIDGE and LINK stand
// for the names of links, SUBNET for the network's, TABLE for our table, and what begins
// with IN runs in the namespace of web.
type loss struct{ do, want string }

var losses = []loss{
	{"nft flush ruleset; nft -f FIREWALL", "firewall rules"},
	{"nft delete table ip TABLE", "firewall rules"},
	{"nft flush table ip TABLE", "firewall rules"},
	{"nft delete table inet firewalld; nft -f FIREWALL", "firewall rules in chain filter_FORWARD of table firewalld"},
	{"ip link del BRIDGE", "bridge"},
	{"ip link set BRIDGE down", "the state up of bridge"},
	{"ip addr flush dev BRIDGE", "address"},
	{"ip route del SUBNET dev BRIDGE", "the route to"},
	{"echo 0 >/proc/sys/net/ipv4/conf/BRIDGE/route_localnet", "the setting route_localnet"},
	{"echo 0 >/proc/sys/net/ipv4/ip_forward", "net.ipv4.ip_forward"},
	{"ip link del LINK", "link"},
	{"ip link set LINK nomaster", "the place in bridge"},
	{"ip link set LINK down", "the state up of link"},
	{"IN ip link set eth0 down", "the state up of interface eth0 of container shop-web-1"},
	{"IN ip addr flush dev eth0", "interface eth0 of container shop-web-1"},
	{"IN ip route del default", "the default route by interface eth0 of container shop-web-1"},
}

// lossWorld is one with lossStack up, beside another firewall.
type lossWorld struct {
	*world
	names *strings.Replacer
	pids  string
}

func newLossWorld(t *testing.T, options ...worldOption) *lossWorld {
	t.Helper()
	w := &lossWorld{world: newWorld(t, options...)}
	w.file("stack.yaml", lossStack)
	w.file("firewall.nft", otherFirewall)
	firewall := w.project + "/firewall.nft"
	must(t, "nft", "-f", firewall)
	t.Cleanup(func() { must(t, "nft", "delete", "table", "inet", "firewalld") })
	w.must("up", "-d")
	var bridge, subnet string
	out, err := command(t, 20*time.Second, "ip", "-o", "-4", "addr").Output()
	check(t, err)
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); strings.HasPrefix(f[1], "su") {
			bridge, subnet = f[1], netip.MustParsePrefix(f[3]).Masked().String()
		}
	}
	w.names = strings.NewReplacer(
		"BRIDGE", bridge, "LINK", w.linkOf("web"), "SUBNET", subnet, "TABLE", namespaceOf(w.root()), "FIREWALL", firewall,
		"IN ", "nsenter --net="+w.state()+"/netns/shop-web-1-g1 ",
	)
	w.pids = w.pidsOf("shop")
	w.eventually("web serves at first", w.serves)
	return w
}

// linkOf is the host's end of a service's interface.
func (w *world) linkOf(service string) string {
	w.t.Helper()
	netns := w.state() + "/netns/shop-" + service + "-1-g1"
	out, err := command(w.t, 20*time.Second, "nsenter", "--net="+netns, "ip", "-o", "link", "show", "eth0").Output()
	check(w.t, err)
	_, index, ok := strings.Cut(string(out), "eth0@if")
	if !ok {
		w.t.Fatalf("no link in %q", out)
	}
	index, _, _ = strings.Cut(index, ":")
	links, err := command(w.t, 20*time.Second, "ip", "-o", "link").Output()
	check(w.t, err)
	for line := range strings.Lines(string(links)) {
		if name, is := strings.CutPrefix(line, index+": "); is {
			name, _, _ = strings.Cut(name, "@")
			return name
		}
	}
	w.t.Fatalf("no link of number %s in\n%s", index, links)
	return ""
}

// loses makes a loss.
func (w *lossWorld) loses(l loss) {
	w.t.Helper()
	must(w.t, "sh", "-c", w.names.Replace(l.do))
}

// serves reports whether web serves its port and its peer, by name.
func (w *lossWorld) serves() bool {
	w.t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	r, err := c.Get("http://127.0.0.1:18161")
	if err != nil {
		return false
	}
	check(w.t, r.Body.Close())
	return w.fetches("stack.yaml", "peer", "http://web", 1)
}

// whole checks that a stack serves, that nothing is to be done, and that nothing was
// started anew or doubled.
func (w *lossWorld) whole(after string) {
	w.t.Helper()
	w.eventually("web serves after: "+after, w.serves)
	if r := w.must("plan"); !strings.Contains(r.out, "nothing to do") {
		w.t.Errorf("%s: there is a plan\n%s", after, r.out)
	}
	now := strings.Fields(w.pidsOf("shop"))
	for _, pid := range strings.Fields(w.pids) { // others are of what looks whether it serves
		if !slices.Contains(now, pid) {
			w.t.Errorf("%s: process %s is gone, there are %s", after, pid, now)
		}
	}
	out, err := command(w.t, 20*time.Second, "nft", "list", "ruleset").Output()
	check(w.t, err)
	bridge := w.names.Replace("BRIDGE")
	for _, rule := range []string{bridge + " out", bridge + " back", bridge + " port"} {
		if n := strings.Count(string(out), rule+`"`); n != 1 {
			w.t.Errorf("%s: %d rules %q in the other firewall\n%s", after, n, rule, out)
		}
	}
}

// Intent: whatever is lost of a network, the supervisor puts it back within five seconds,
// with nobody's help and without starting anything anew.
func TestSupervisorRepairsNetworks(t *testing.T) {
	w := newLossWorld(t, slowly())
	for _, l := range losses {
		w.loses(l)
		end := within(5 * time.Second)
		for !w.serves() {
			if end.passed() {
				t.Errorf("%s: web does not serve within 5 s", l.do)
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		w.eventually("the plan is empty after: "+l.do, func() bool { return strings.Contains(w.must("plan").out, "nothing to do") })
		w.whole(l.do)
	}
	if t.Failed() {
		return
	}
	w.must("down")
}

// Intent: what a network has lost stands in the plan, and up puts it back; with helpers
// that are stopped, nobody else does.
func TestUpRepairsNetworks(t *testing.T) {
	w := newLossWorld(t, slowly())
	var helpers []int
	for _, name := range []string{"logger", "supervisor"} {
		helpers = append(helpers, w.helper(name))
	}
	signal := func(s syscall.Signal) {
		for _, pid := range helpers {
			check(t, syscall.Kill(pid, s))
		}
	}
	w.eventually("helpers that are stopped keep no lock", func() bool {
		signal(syscall.SIGSTOP)
		_, err := os.Stat(w.state() + "/locks/network")
		if err == nil {
			signal(syscall.SIGCONT)
		}
		return err != nil
	})
	t.Cleanup(func() { signal(syscall.SIGCONT) })
	for _, l := range losses {
		w.loses(l)
		plan := strings.Join(strings.Fields(w.must("plan").out), " ") // without its lines
		_, lost, found := strings.Cut(plan, "~ repair network shop_default lost: ")
		if !found || !strings.Contains(lost, l.want) {
			t.Errorf("after %q no loss of %q in the plan: %s", l.do, l.want, plan)
		}
		up := w.must("up", "-d")
		if !strings.Contains(up.err, "Network shop_default  Repaired") {
			t.Errorf("after %q up says:\n%s", l.do, up.err)
		}
		if r := w.must("plan"); !strings.Contains(r.out, "nothing to do") {
			t.Errorf("after %q and up there is a plan\n%s", l.do, r.out)
		}
	}
	signal(syscall.SIGCONT)
	w.eventually("web serves", w.serves)
	w.whole("all of it")
	w.must("down")
}
