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
	Name    string       // link name
	Subnet  netip.Prefix // IPv4; zero for none
	Subnet6 netip.Prefix // IPv6; zero for none
	// Internal networks have no way out, and none in but from this host.
	Internal     bool
	Apart        bool // its containers reach each other by published ports only
	NoMasquerade bool // what leaves it keeps its address
	// Names are where its containers' questions for names are answered: those
	// for port 53 of that address.
	Names []netip.AddrPort
	// Patient lets a question wait that nobody answers, instead of refusing it.
	Patient bool
}

// Port is one published port.
type Port struct {
	HostIP   netip.Addr // unspecified for all addresses of the host, of the family of To
	HostPort uint16
	Protocol string         // tcp or udp
	To       netip.AddrPort // the container's
	Comment  string         // who it is for
}

// Ruleset is the content of the tables of one name, of the families ip and ip6.
type Ruleset struct {
	Table   string
	Chains  []Chain
	Chains6 []Chain
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

// Render gives the tables for these networks and ports. One has no chain when
// there is nothing to do. Order of the arguments does not matter.
func Render(table string, bridges []Bridge, ports []Port) Ruleset {
	bridges, ports = slices.Clone(bridges), slices.Clone(ports)
	slices.SortFunc(bridges, func(a, b Bridge) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(ports, comparePorts)
	out := Ruleset{Table: table}
	if len(bridges) > 0 {
		out.Chains = append([]Chain{
			{Name: "ports", Rules: portRules(ports, false)},
			{Name: "guard", Type: "filter", Hook: "prerouting", Priority: priorityRaw, Rules: guardRules()},
		}, hooks(bridges, false)...)
	}
	bridges = slices.DeleteFunc(bridges, func(b Bridge) bool { return !b.Subnet6.IsValid() })
	if len(bridges) > 0 {
		out.Chains6 = append([]Chain{{Name: "ports", Rules: portRules(ports, true)}}, hooks(bridges, true)...)
	}
	return out
}

func hooks(bridges []Bridge, six bool) []Chain {
	return []Chain{
		{Name: "prerouting", Type: "nat", Hook: "prerouting", Priority: priorityDestination, Rules: append(nameRules(bridges, six), localRules(six)...)},
		{Name: "patience", Type: "filter", Hook: "output", Priority: priorityRaw, Rules: patienceRules(bridges, six)},
		{Name: "output", Type: "nat", Hook: "output", Priority: priorityDestination, Rules: localRules(six)},
		{Name: "forward", Type: "filter", Hook: "forward", Priority: priorityFilter, Rules: forwardRules(bridges)},
		{Name: "postrouting", Type: "nat", Hook: "postrouting", Priority: prioritySource, Rules: masqueradeRules(bridges, six)},
	}
}

// comparePorts puts a port of one address before the same port of all
// addresses: the first rule that matches wins.
func comparePorts(a, b Port) int {
	return cmp.Or(
		cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.HostPort, b.HostPort),
		-a.HostIP.Compare(b.HostIP),
		a.To.Compare(b.To),
	)
}

// longestComment is how many bytes of a comment are kept: nft(8) takes 128.
const longestComment = 120

func portRules(ports []Port, six bool) []Rule {
	out := make([]Rule, 0, len(ports))
	for _, p := range ports {
		if p.To.Addr().Is6() != six {
			continue
		}
		var terms []Term
		if ip := p.HostIP; ip.IsValid() && !ip.IsUnspecified() {
			terms = append(terms, destination(netip.PrefixFrom(ip, ip.BitLen())))
		}
		terms = append(terms, port(p.Protocol, p.HostPort), dnat(p.To))
		out = append(out, Rule{Terms: terms, Comment: p.Comment[:min(len(p.Comment), longestComment)]})
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

// dnsPort is where everybody asks for names.
const dnsPort = 53

// nameRules lead a network's questions for names to who answers them, before
// any published port: a container that publishes port 53 is not asked by others
// without their knowing. Another network's gateway is not led to.
func nameRules(bridges []Bridge, six bool) (out []Rule) {
	eachNames(bridges, six, func(b Bridge, to netip.AddrPort) {
		at := destination(netip.PrefixFrom(to.Addr(), to.Addr().BitLen()))
		for _, protocol := range []string{"tcp", "udp"} {
			out = append(out, rule(in(b.Name), at, port(protocol, dnsPort), dnat(to)))
		}
	})
	return out
}

// patienceRules let a question wait for its answer while who answers is being
// started again. Told at once that nobody listens, a resolver would have used up
// all its tries before that.
func patienceRules(bridges []Bridge, six bool) (out []Rule) {
	eachNames(bridges, six, func(b Bridge, to netip.AddrPort) {
		if b.Patient {
			out = append(out, rule(outTo(b.Name), unanswered(to.Port(), six), drop()), rule(outTo(b.Name), refused(to.Port()), drop()))
		}
	})
	return out
}

// eachNames calls do for every place of that family where names are answered.
func eachNames(bridges []Bridge, six bool, do func(Bridge, netip.AddrPort)) {
	for _, b := range bridges {
		for _, to := range b.Names {
			if to.Addr().Is6() == six {
				do(b, to)
			}
		}
	}
}

// localRules send what is meant for this host, and only that, to the ports. In
// IPv6 the host's own ::1 is left out: no answer can come back to it from a
// bridge, and a client that tries it first must be refused at once.
func localRules(six bool) []Rule {
	if six {
		return []Rule{rule(destinationNot(netip.IPv6Loopback()), destinationLocal(), jump("ports"))}
	}
	return []Rule{rule(destinationLocal(), jump("ports"))}
}

// forwardRules let in what belongs to a known connection, what stays in its
// network and what came by a published port. Anything else that is routed to
// a network is dropped, be it from another network of ours, from another
// program's containers, or from a neighbour that uses this host as a router.
func forwardRules(bridges []Bridge) []Rule {
	out := []Rule{rule(established(), accept())}
	for _, b := range bridges {
		if !b.Apart {
			out = append(out, rule(in(b.Name), outTo(b.Name), accept()))
		}
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
func masqueradeRules(bridges []Bridge, six bool) []Rule {
	var out []Rule
	for _, b := range bridges {
		subnet := b.Subnet
		if six {
			subnet = b.Subnet6
		} else {
			out = append(out, rule(source(netip.MustParsePrefix("127.0.0.0/8")), outTo(b.Name), masquerade()))
		}
		if !subnet.IsValid() {
			continue
		}
		out = append(out, rule(source(subnet), outTo(b.Name), translated(), masquerade()))
		if !b.NoMasquerade {
			out = append(out, rule(source(subnet), outNot(b.Name), masquerade()))
		}
	}
	return out
}

func rule(terms ...Term) Rule { return Rule{Terms: terms} }
