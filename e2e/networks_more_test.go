//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Intent: what addresses are chosen from, and what is kept for others, is so.
func TestAddressRanges(t *testing.T) {
	w := newWorld(t)
	const stack = `
services:
  a: {image: stackup.test/busybox:1, networks: [lan], scale: 2, stop_grace_period: 0s}
  b: {image: stackup.test/busybox:1, networks: {lan: {ipv4_address: 10.214.8.3}}, stop_grace_period: 0s}
networks:
  lan: {ipam: {config: [{subnet: 10.214.8.0/24, ip_range: 10.214.8.128/29, aux_addresses: {printer: 10.214.8.128, router: 10.214.8.1}}]}}
`
	w.file("stack.yaml", stack)
	w.must("up", "-d")
	ps := w.ps()
	got := []string{addressOf(t, ps["a.1"]), addressOf(t, ps["a.2"]), addressOf(t, ps["b.1"])}
	for i := range 2 {
		if a := got[i]; a != "10.214.8.129" && a != "10.214.8.130" {
			t.Errorf("a has %s, which is not the first free of the range", a)
		}
	}
	if got[2] != "10.214.8.3" {
		t.Errorf("b has %s", got[2])
	}
	// The first address is kept for a router, so the bridge has the second.
	w.inside("b", map[string]string{"grep -c 00000000.0208D60A /proc/net/route": "1"})
	w.file("stack.yaml", strings.Replace(stack, "scale: 2", "scale: 9", 1))
	if r := w.run("up", "-d"); r.code != 1 || !strings.Contains(r.err, "10.214.8.128/29") || !strings.Contains(r.err, "full") {
		t.Errorf("more replicas than the range has: exit %d\n%s", r.code, r.err)
	}
	w.must("down")
}

// Intent: a network with IPv6 has it in all that IPv4 has: addresses, routes,
// names, a way out, ports, and no way between stacks.
func TestIPv6(t *testing.T) {
	w := newWorld(t)
	const web = `image: stackup.test/busybox:1, command: ["httpd", "-f", "-p", "80", "-h", "/www"], stop_grace_period: 0s`
	w.file("stack.yaml", `
services:
  web: {`+web+`, networks: {both: {ipv4_address: 10.214.9.20, ipv6_address: "fd00:214:9::20"}}, ports: ["18110:80", "[fd00:214:9::1]:18111:80", "[::]:18112:80", "0.0.0.0:18112:80", "0.0.0.0:18113:80"]}
  peer: {image: stackup.test/busybox:1, networks: [both], stop_grace_period: 0s}
  six: {`+web+`, networks: [only], ports: ["18114:80"]}
  shut: {image: stackup.test/busybox:1, networks: [shut], stop_grace_period: 0s}
networks:
  both: {enable_ipv6: true, ipam: {config: [{subnet: 10.214.9.0/24}, {subnet: "fd00:214:9::/64"}]}}
  only: {enable_ipv4: false, enable_ipv6: true}
  shut: {enable_ipv6: true, internal: true}
`)
	w.file("other.yaml", "name: other\nservices:\n  o: {image: stackup.test/busybox:1, networks: [n], stop_grace_period: 0s}\nnetworks:\n  n: {enable_ipv6: true}\n")
	w.must("up", "-d")
	w.must("-f", "other.yaml", "up", "-d")
	w.inside("web", map[string]string{
		"grep -c '^fd000214000900000000000000000020 .* 40 .* eth0' /proc/net/if_inet6":               "1",
		"grep -c '^0\\{32\\} 00 0\\{32\\} 00 fd000214000900000000000000000001' /proc/net/ipv6_route": "1",
		"cat /proc/sys/net/ipv6/conf/eth0/accept_ra":                                                 "0",
	})
	w.inside("shut", map[string]string{"grep -c '^0\\{32\\} 00 0\\{32\\} 00 fd' /proc/net/ipv6_route; true": "0"})
	w.inside("six", map[string]string{"grep -c '^00000000' /proc/net/route; true": "0"})
	if got := w.hostsEntries("peer", "web"); strings.Join(got, " ") != "10.214.9.20 fd00:214:9::20" {
		t.Errorf("peer knows web at %v", got)
	}
	for _, url := range []string{
		"http://[fd00:214:9::20]:80", "http://[fd00:214:9::1]:18110", "http://[fd00:214:9::1]:18111", "http://[fd00:214:9::1]:18112",
		"http://10.214.9.1:18112", "http://10.214.9.1:18113", "http://127.0.0.1:18110", "http://[fd00:214:9::1]:18114",
	} {
		if got := w.get(url); got == "" {
			t.Errorf("%s: no answer to this machine", url)
		}
	}
	for _, url := range []string{"http://[fd00:214:9::20]:80", "http://[fd00:214:9::1]:18110", "http://[fd00:214:9::1]:18114"} { // by the bridge, by a port of one's own network, by another's
		if !w.reaches("stack.yaml", "peer", url) {
			t.Errorf("%s: no answer to peer", url)
		}
	}
	if !w.reachesNot("other.yaml", "o", "http://[fd00:214:9::20]:80") {
		t.Error("another stack reaches a container by IPv6")
	}
	if !w.reaches("other.yaml", "o", "http://[fd00:214:9::1]:18110") {
		t.Error("another stack does not reach a published port")
	}
	if !w.reachesNot("stack.yaml", "shut", "http://[fd00:214:9::1]:18110") {
		t.Error("who is on an internal network gets out by IPv6")
	}
	if _, err := net.DialTimeout("tcp", "[fd00:214:9::1]:18113", allow(2*time.Second)); err == nil {
		t.Error("a port of 0.0.0.0 answers by IPv6")
	}
	if r := w.run("plan", "--exit-code"); r.code != 0 {
		t.Errorf("plan after up: exit %d\n%s%s", r.code, r.out, r.err)
	}
	w.must("up", "-d", "--force-recreate", "web")
	w.inside("web", map[string]string{"grep -c fd00:214:9::20 /etc/hosts": "1"})
	w.must("-f", "other.yaml", "down")
	w.must("down")
}

// reaches reports whether a service gets a page.
func (w *world) reaches(file, service, url string) bool { return w.fetches(file, service, url, 20) }

// reachesNot reports whether a service gets no page within two seconds.
func (w *world) reachesNot(file, service, url string) bool {
	return !w.fetches(file, service, url, 2)
}

func (w *world) fetches(file, service, url string, seconds int) bool {
	w.t.Helper()
	r := w.run("-f", file, "exec", "-T", service, "sh", "-c",
		fmt.Sprintf(`wget -q -O - "$0" & p=$!; { sleep %d; kill $p; } >/dev/null 2>&1 & wait $p`, seconds), url)
	return r.code == 0 && strings.Contains(r.out, "hello from busybox")
}

// Intent: a port on an IPv6 address that somebody has is told by the plan.
func TestIPv6PortIsTaken(t *testing.T) {
	w := newWorld(t)
	l, err := net.Listen("tcp6", "[::1]:18115")
	check(t, err)
	defer l.Close()
	stack := "services:\n  a: {image: stackup.test/busybox:1, networks: [n], ports: [\"PORT:80\"], stop_grace_period: 0s}\nnetworks:\n  n: {enable_ipv6: true}\n"
	w.file("stack.yaml", strings.Replace(stack, "PORT", "[::]:18115", 1))
	if r := w.run("up", "-d"); r.code != 1 || !strings.Contains(r.err, "18115") || !strings.Contains(r.err, "pid") {
		t.Errorf("exit %d\n%s", r.code, r.err)
	}
	w.file("stack.yaml", strings.Replace(stack, "PORT", "0.0.0.0:18115", 1))
	w.must("up", "-d")
	w.must("down")
}

// Intent: a port on [::1] answers there, of either family's container, over
// replacements and the supervisor's end, and at no other address.
func TestPortOnIPv6Loopback(t *testing.T) {
	w := newWorld(t)
	stack := `
services:
  a:
    image: stackup.test/busybox:1
    command: [httpd, -f, -p, "80", -h, /www]
    environment: {ROUND: "1"}
    ports: ["[::1]:18116:80", "[::1]:18116:80/udp"]
    stop_grace_period: 0s
`
	w.file("stack.yaml", stack)
	w.must("up", "-d")
	answers := func(when string) {
		t.Helper()
		if got := w.get("http://[::1]:18116/"); !strings.Contains(got, "hello from busybox") {
			t.Errorf("%s: page %q", when, got)
		}
	}
	answers("at first")
	if c, err := net.DialTimeout("tcp", "127.0.0.1:18116", allow(2*time.Second)); err == nil {
		c.Close()
		t.Error("the port answers at 127.0.0.1")
	}
	if r := w.run("plan", "--exit-code"); r.code != 0 {
		t.Errorf("plan after up: exit %d\n%s", r.code, r.out)
	}
	w.file("stack.yaml", strings.Replace(stack, `"1"`, `"2"`, 1))
	w.must("up", "-d")
	answers("of the next one")
	w.must("restart")
	answers("after a restart")
	check(t, syscall.Kill(w.helper("supervisor"), syscall.SIGKILL))
	answers("after the supervisor's end")
	w.must("stop")
	w.eventually("nobody listens", func() bool {
		l, err := net.Listen("tcp6", "[::1]:18116")
		if err == nil {
			l.Close()
		}
		return err == nil
	})
	w.must("down")
}

// Intent: what a service says of its interfaces, and a network of its bridge, is so.
func TestInterfaces(t *testing.T) {
	w := newWorld(t)
	const web = `image: stackup.test/busybox:1, command: ["httpd", "-f", "-p", "80", "-h", "/www"], stop_grace_period: 0s`
	stack := `
services:
  a:
    image: stackup.test/busybox:1
    command: [httpd, -f, -p, "80", -h, /www]
    stop_grace_period: 0s
    ports: ["18120:80"]
    networks:
      front: {interface_name: front0, link_local_ips: [169.254.7.7, "fe80::77"], use_service_name_alias: false, aliases: [first], gw_priority: 1}
      back: {interface_name: eth0, driver_opts: {com.docker.network.endpoint.sysctls: "net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.conf.IFNAME.arp_notify=1"}}
  b: {` + web + `, networks: [front, back]}
networks:
  front: {driver_opts: {com.docker.network.bridge.name: su-e2e-br0, com.docker.network.bridge.enable_icc: "false", com.docker.network.bridge.host_binding_ipv4: 127.0.0.1}}
  back: {driver_opts: {com.docker.network.bridge.enable_ip_masquerade: "false"}}
`
	w.file("stack.yaml", stack)
	w.must("up", "-d")
	w.inside("a", map[string]string{
		"ls /sys/class/net":                          "eth0\\s+front0\\s+lo",
		"grep -c '^front0.00000000' /proc/net/route": "1",
		"cat /proc/sys/net/ipv4/conf/eth0/log_martians /proc/sys/net/ipv4/conf/front0/log_martians": "1\\s+0",
		"cat /proc/sys/net/ipv4/conf/eth0/arp_notify":                                               "1",
		"grep -c 169.254.7.7 /proc/net/fib_trie":                                                    "[1-9]",
		"grep -c '^fe800000000000000000000000000077.*front0' /proc/net/if_inet6":                    "1",
	})
	front := func(service string) string { return w.ps()[service+".1"].Addresses["shop_front"] }
	if got := w.hostsEntries("b", "first"); strings.Join(got, " ") != front("a") {
		t.Errorf("b knows first at %v, want %s", got, front("a"))
	}
	if got := w.hostsEntries("b", "a"); len(got) != 1 || got[0] == front("a") { // by the other network alone
		t.Errorf("b knows a at %v", got)
	}
	if !w.reachesNot("stack.yaml", "b", "http://"+front("a")) {
		t.Error("b reaches a on a network without enable_icc")
	}
	if !w.reaches("stack.yaml", "b", "http://a") {
		t.Error("b does not reach a on the other network")
	}
	if w.get("http://127.0.0.1:18120") == "" {
		t.Error("the port is not published")
	}
	if out, _ := command(t, 20*time.Second, "ip", "-o", "link", "show", "su-e2e-br0").Output(); !strings.Contains(string(out), "su-e2e-br0") {
		t.Error("the bridge has not the name that it shall have")
	}
	if r := w.run("plan", "--exit-code"); r.code != 0 {
		t.Errorf("plan after up: exit %d\n%s%s", r.code, r.out, r.err)
	}
	w.must("down")
	w.nothingLeft()
	must(t, "ip", "link", "add", "su-e2e-br0", "type", "bridge")
	defer func() { must(t, "ip", "link", "del", "su-e2e-br0") }()
	if r := w.run("up", "-d"); r.code != 1 || !strings.Contains(r.err, "su-e2e-br0") {
		t.Errorf("a bridge of somebody else's: exit %d\n%s", r.code, r.err)
	}
	w.must("down")
	if _, err := net.InterfaceByName("su-e2e-br0"); err != nil {
		t.Error("a bridge of somebody else's was removed")
	}
}

// Intent: macvlan puts a container on the wire of a link of this machine, where a
// neighbour finds it, with names as everywhere.
func TestMacvlan(t *testing.T) {
	w := newWorld(t, beneath(wire))
	stack := `
services:
  a:
    image: stackup.test/busybox:1
    command: ["httpd", "-f", "-p", "80", "-h", "/www"]
    networks: {lan: {ipv4_address: 10.214.11.20, ipv6_address: "fd00:214:11::20", mac_address: "02:00:00:00:11:20", interface_name: eth1}, inner: {}}
    stop_grace_period: 0s
  b: {image: stackup.test/busybox:1, networks: [lan], stop_grace_period: 0s}
networks:
  lan:
    driver: macvlan
    enable_ipv6: true
    driver_opts: {parent: sue2e0}
    ipam: {config: [{subnet: 10.214.11.0/24, gateway: 10.214.11.1, ip_range: 10.214.11.64/26}, {subnet: "fd00:214:11::/64", gateway: "fd00:214:11::1"}]}
  inner: {internal: true}
`
	w.file("stack.yaml", stack)
	w.must("up", "-d")
	w.inside("a", map[string]string{
		"ls /sys/class/net":                                                                          "eth0\\s+eth1\\s+lo",
		"cat /sys/class/net/eth1/address":                                                            "02:00:00:00:11:20",
		"grep -c '^eth1.00000000.010BD60A' /proc/net/route":                                          "1",
		"grep -c '^fd000214001100000000000000000020 .* eth1' /proc/net/if_inet6":                     "1",
		"grep -c '^0\\{32\\} 00 0\\{32\\} 00 fd000214001100000000000000000001' /proc/net/ipv6_route": "1",
	})
	if got := addressOf(t, w.ps()["b.1"]); got != "10.214.11.64" {
		t.Errorf("b has %s", got)
	}
	if !w.reaches("stack.yaml", "b", "http://a") {
		t.Error("b does not reach a")
	}
	for _, url := range []string{"http://10.214.11.20", "http://[fd00:214:11::20]"} { // this machine is a neighbour by the wire's other end
		if w.get(url) == "" {
			t.Errorf("%s: no answer on the wire", url)
		}
	}
	first := w.ps()["a.1"].ID
	w.must("up", "-d", "--force-recreate", "a")
	if w.ps()["a.1"].ID == first || w.get("http://10.214.11.20") == "" {
		t.Error("a's successor has not its address on the wire")
	}
	if r := w.run("plan", "--exit-code"); r.code != 0 {
		t.Errorf("plan after up: exit %d\n%s%s", r.code, r.out, r.err)
	}
	w.must("down")
	w.nothingLeft()
	w.file("stack.yaml", strings.Replace(stack, "parent: sue2e0", "parent: sue2e9", 1))
	if r := w.run("up", "-d"); r.code != 1 || !strings.Contains(r.err, "there is no link sue2e9") {
		t.Errorf("a parent that is not there: exit %d\n%s", r.code, r.err)
	}
	w.must("down")
}

// wire makes a link of this machine, sue2e0, whose other end has the addresses of
// a neighbour.
func wire(t *testing.T) {
	t.Helper()
	for _, args := range []string{
		"link add sue2e0 type veth peer name sue2e1", "addr add 10.214.11.1/24 dev sue2e1", "addr add fd00:214:11::1/64 dev sue2e1 nodad",
		"link set sue2e0 up", "link set sue2e1 up",
	} {
		must(t, "ip", strings.Fields(args)...)
	}
	t.Cleanup(func() { must(t, "ip", "link", "del", "sue2e0") })
}

// Intent: the networks host and none are modes by another name.
func TestPredefinedNetworks(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  open: {image: stackup.test/busybox:1, networks: [machine], stop_grace_period: 0s}
  shut: {image: stackup.test/busybox:1, networks: [nothing], stop_grace_period: 0s}
networks:
  machine: {name: host, external: true}
  nothing: {driver: none, name: none, external: true}
`)
	w.must("up", "-d")
	w.inside("shut", map[string]string{"ls /sys/class/net": "lo"})
	host, err := os.Readlink("/proc/self/ns/net")
	check(t, err)
	w.inside("open", map[string]string{"readlink /proc/self/ns/net || ls -l /proc/self/ns/net": ".*" + strings.NewReplacer("[", `\[`, "]", `\]`).Replace(host)})
	w.must("down")
}
