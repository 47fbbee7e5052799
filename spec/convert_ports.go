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
func (c *converter) ports(list []types.ServicePortConfig) []Port {
	var out []Port
	for _, p := range list {
		if port, ok := c.port(p); ok {
			out = append(out, port)
		}
	}
	slices.SortFunc(out, comparePorts)
	return slices.Compact(out)
}

func comparePorts(a, b Port) int {
	return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.HostIP, b.HostIP), cmp.Compare(a.HostPort, b.HostPort), cmp.Compare(a.HostPortEnd, b.HostPortEnd))
}

func (c *converter) port(p types.ServicePortConfig) (Port, bool) {
	before := len(c.rep.found)
	bad := func(format string, args ...any) {
		path := c.path + ".ports"
		c.rep.addf(c.all.portPosition(path, p), path, format, args...)
	}
	out := Port{Target: uint16(p.Target), Protocol: cmp.Or(p.Protocol, "tcp")}
	if p.Target == 0 || p.Target > 65535 {
		bad("the container port %d is not between 1 and 65535", p.Target)
	}
	if out.Protocol != "tcp" && out.Protocol != "udp" {
		bad("protocol %q is not supported yet; use tcp or udp", printable(out.Protocol))
	}
	var err error
	if out.HostPort, out.HostPortEnd, err = hostPorts(p.Published); err != nil {
		bad("the host port %q is not a port or a range between 1 and 65535", printable(p.Published))
	}
	if p.HostIP != "" {
		addr, err := netip.ParseAddr(p.HostIP)
		switch {
		case err != nil:
			bad("%q is not an IP address", printable(p.HostIP))
		case !addr.Is4():
			bad("the IPv6 address %s is not supported yet", p.HostIP)
		case addr != netip.IPv4Unspecified(): // 0.0.0.0 says what no address says
			out.HostIP = addr.String()
		}
	}
	return out, len(c.rep.found) == before
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
