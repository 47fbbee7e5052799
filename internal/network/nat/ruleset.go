// Package nat keeps one nftables table of our own: masquerade, published
// ports and isolation between networks. The table is rendered whole by a pure
// function and swapped in one netlink transaction, so that it is idempotent
// and nothing of an older state can stay behind.
package nat

import (
	"cmp"
	"net/netip"
	"slices"
)

// Bridge is one network as the table sees it.
type Bridge struct {
	Name   string       // link name
	Subnet netip.Prefix // IPv4
	// Internal networks have no way out, and none in but from this host.
	Internal bool
}

// Port is one published port.
type Port struct {
	HostIP   netip.Addr // zero or unspecified for all addresses of the host
	HostPort uint16
	Protocol string         // tcp or udp
	To       netip.AddrPort // the container's
	Comment  string         // who it is for
}

// Ruleset is the content of one table of family ip.
type Ruleset struct {
	Table  string
	Chains []Chain
}

// Chain is a chain with its rules; Hook is empty for one that is jumped to.
type Chain struct {
	Name     string
	Type     string // filter or nat
	Hook     string // prerouting, forward, output, postrouting
	Priority int32
	Rules    []Rule
}

// Rule is terms that must all match, the last being what to do.
type Rule struct {
	Terms   []Term
	Comment string
}

// The priorities of netfilter's hooks (include/uapi/linux/netfilter_ipv4.h).
const (
	priorityRaw         = -300
	priorityDestination = -100
	priorityFilter      = 0
	prioritySource      = 100
)

// Render gives the table for these networks and ports. It has no chain when
// there is nothing to do. Order of the arguments does not matter.
func Render(table string, bridges []Bridge, ports []Port) Ruleset {
	bridges, ports = slices.Clone(bridges), slices.Clone(ports)
	slices.SortFunc(bridges, func(a, b Bridge) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(ports, comparePorts)
	if len(bridges) == 0 {
		return Ruleset{Table: table}
	}
	return Ruleset{Table: table, Chains: []Chain{
		{Name: "ports", Rules: portRules(ports)},
		{Name: "guard", Type: "filter", Hook: "prerouting", Priority: priorityRaw, Rules: guardRules()},
		{Name: "prerouting", Type: "nat", Hook: "prerouting", Priority: priorityDestination, Rules: localRules()},
		{Name: "output", Type: "nat", Hook: "output", Priority: priorityDestination, Rules: localRules()},
		{Name: "forward", Type: "filter", Hook: "forward", Priority: priorityFilter, Rules: forwardRules(bridges)},
		{Name: "postrouting", Type: "nat", Hook: "postrouting", Priority: prioritySource, Rules: masqueradeRules(bridges)},
	}}
}

// comparePorts puts a port of one address before the same port of all
// addresses: the first rule that matches wins.
func comparePorts(a, b Port) int {
	return cmp.Or(
		cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.HostPort, b.HostPort),
		-wild(a.HostIP).Compare(wild(b.HostIP)),
		a.To.Compare(b.To),
	)
}

func wild(a netip.Addr) netip.Addr {
	if !a.IsValid() {
		return netip.IPv4Unspecified()
	}
	return a
}

func portRules(ports []Port) []Rule {
	out := make([]Rule, 0, len(ports))
	for _, p := range ports {
		var terms []Term
		if ip := wild(p.HostIP); !ip.IsUnspecified() {
			terms = append(terms, destination(netip.PrefixFrom(ip, 32)))
		}
		terms = append(terms, port(p.Protocol, p.HostPort), dnat(p.To))
		out = append(out, Rule{Terms: terms, Comment: p.Comment})
	}
	return out
}

// guardRules keep loopback addresses to loopback. Bridges have route_localnet
// set, for the sake of localhost:port; without this, a container could reach
// what listens on the host's 127.0.0.1, and a neighbour on the wire a port
// that is published on 127.0.0.1 only.
func guardRules() []Rule {
	return []Rule{rule(inNot("lo"), destination(netip.MustParsePrefix("127.0.0.0/8")), drop())}
}

// localRules send what is meant for this host, and only that, to the ports.
func localRules() []Rule { return []Rule{rule(destinationLocal(), jump("ports"))} }

// forwardRules let in what belongs to a known connection, what stays in its
// network and what came by a published port. Anything else that is routed to
// a network is dropped, be it from another network of ours, from another
// program's containers, or from a neighbour that uses this host as a router.
func forwardRules(bridges []Bridge) []Rule {
	out := []Rule{rule(established(), accept())}
	for _, b := range bridges {
		out = append(out, rule(in(b.Name), outTo(b.Name), accept()))
	}
	for _, b := range bridges {
		if b.Internal {
			out = append(out, rule(in(b.Name), drop()), rule(outTo(b.Name), drop()))
		}
	}
	out = append(out, rule(translated(), accept()))
	for _, b := range bridges {
		out = append(out, rule(outTo(b.Name), drop()))
	}
	return out
}

// masqueradeRules give a routable source to what leaves a network, to what
// comes from localhost, and to what comes back into its own network by a
// published port (hairpin: the answer must take the way back through us).
func masqueradeRules(bridges []Bridge) []Rule {
	var out []Rule
	for _, b := range bridges {
		out = append(out,
			rule(source(netip.MustParsePrefix("127.0.0.0/8")), outTo(b.Name), masquerade()),
			rule(source(b.Subnet), outTo(b.Name), translated(), masquerade()),
			rule(source(b.Subnet), outNot(b.Name), masquerade()),
		)
	}
	return out
}

func rule(terms ...Term) Rule { return Rule{Terms: terms} }
