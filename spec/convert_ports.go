package spec

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// ports converts published ports, sorted by target.
func (c *converter) ports(list []types.ServicePortConfig, w way) []Port {
	var out []Port
	for _, p := range list {
		if port, ok := c.port(p, w); ok {
			out = append(out, port)
		}
	}
	if len(list) > 0 && w.onWire != "" {
		c.problem("ports", "on the %s network %s a container has addresses of its own on the wire, and nothing is published; remove ports, or give a bridge network the higher gw_priority", w.onWire, w.first)
	}
	slices.SortFunc(out, comparePorts)
	return slices.Compact(out)
}

// way is how published ports reach a container.
type way struct {
	ipv4, ipv6 bool
	first      string // the network of the default route; empty for none at all
	onWire     string // its driver, if that publishes nothing
	binding    string // for ports without host_ip
}

func (c *converter) way(on []Attachment) way {
	if len(on) == 0 {
		return way{ipv4: true} // that of another container
	}
	var w way
	for _, a := range inOrder(on) {
		n, ok := c.tops[a.Network]
		if !ok || n.Internal && w.first != "" {
			continue
		}
		if w.first == "" || c.tops[w.first].Internal {
			w.first, w.onWire, w.binding = a.Network, n.Driver, n.binding
		}
		w.ipv4 = w.ipv4 || !n.NoIPv4
		w.ipv6 = w.ipv6 || n.IPv6 != nil || n.External // what its owner says is not known here
	}
	return w
}

func comparePorts(a, b Port) int {
	return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.HostIP, b.HostIP), cmp.Compare(a.HostPort, b.HostPort), cmp.Compare(a.HostPortEnd, b.HostPortEnd))
}

func (c *converter) port(p types.ServicePortConfig, w way) (Port, bool) {
	before := len(c.rep.found)
	bad := func(format string, args ...any) {
		path := c.path + ".ports"
		c.rep.addf(c.all.portPosition(path, p), path, format, args...)
	}
	out := Port{Target: uint16(p.Target), Protocol: cmp.Or(strings.ToLower(p.Protocol), "tcp")}
	if p.Target == 0 || p.Target > 65535 {
		bad("the container port %d is not between 1 and 65535", p.Target)
	}
	if out.Protocol != "tcp" && out.Protocol != "udp" {
		bad("protocol %q cannot be published; use tcp or udp", printable(out.Protocol))
	}
	var err error
	if out.HostPort, out.HostPortEnd, err = hostPorts(p.Published); err != nil {
		bad("the host port %q is not a port or a range between 1 and 65535", printable(p.Published))
	}
	out.HostIP = c.hostIP(cmp.Or(p.HostIP, w.binding), w, bad)
	return out, len(c.rep.found) == before
}

// hostIP is empty for all addresses. Without IPv6 0.0.0.0 says the same.
func (c *converter) hostIP(text string, w way, bad func(format string, args ...any)) string {
	if text == "" {
		return ""
	}
	a, ok := address(text)
	switch {
	case !ok:
		bad("%q is not an IP address", printable(text))
	case a == netip.IPv6Loopback(): // relayed, to either family
	case a.Is6() && !w.ipv6:
		bad("nothing is published on %s: the container has no IPv6; give its network enable_ipv6: true", a)
	case a.Is4() && !w.ipv4:
		bad("nothing is published on %s: the container has no IPv4; leave enable_ipv4: false out", a)
	case a == netip.IPv4Unspecified() && !w.ipv6:
		return ""
	}
	return a.String()
}

// hostPorts reads "", "8080" or "8080-8090"; none and 0 mean any free port.
func hostPorts(text string) (from, to uint16, err error) {
	if text == "" {
		return 0, 0, nil
	}
	first, last, isRange := strings.Cut(text, "-")
	a, err := strconv.ParseUint(first, 10, 16)
	b := a
	if err == nil && isRange {
		b, err = strconv.ParseUint(last, 10, 16)
	}
	if err == nil && (b < a || isRange && a == 0) {
		err = strconv.ErrRange
	}
	return uint16(a), uint16(b), err
}

// portPosition finds the entry of a ports list that p came from.
func (ss *sources) portPosition(path string, p types.ServicePortConfig) position {
	service := strings.TrimSuffix(strings.TrimPrefix(path, "services."), ".ports")
	for i := len(ss.files) - 1; i >= 0; i-- {
		for _, doc := range ss.files[i].docs {
			for _, n := range items(get(get(get(doc, "services"), service), "ports")) {
				if publishes(n.Value, p) || p.Target != 0 && scalar(get(n, "target")) == strconv.Itoa(int(p.Target)) && scalar(get(n, "published")) == p.Published {
					return position{ss.files[i].file, n.Line, n.Column}
				}
			}
		}
	}
	return ss.find(path)
}

// publishes tells whether a short form, as written, gives that port.
func publishes(text string, p types.ServicePortConfig) bool {
	list, err := types.ParsePortConfig(text)
	return err == nil && rangeSize(text) <= maxPorts && slices.ContainsFunc(list, func(q types.ServicePortConfig) bool {
		return q.Target == p.Target && q.Published == p.Published && q.HostIP == p.HostIP
	})
}
