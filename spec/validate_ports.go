package spec

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// claim is a published port that needs host ports of its own, one per replica.
type claim struct {
	service string
	port    Port
	count   int
}

func (c claim) path() string { return "services." + c.service + ".ports" }

// holder is who has a host port on an address.
type holder struct{ service, ip string }

// hostPorts tries to give every container its host ports. Ranges that end
// first choose first: if that fails on one address, no other order works.
func (v *validator) hostPorts() {
	claims := v.claims()
	slices.SortStableFunc(claims, func(a, b claim) int {
		return cmp.Or(cmp.Compare(a.port.HostPortEnd, b.port.HostPortEnd), cmp.Compare(b.port.HostPort, a.port.HostPort))
	})
	type slot struct {
		protocol string
		port     int
	}
	held := map[slot][]holder{}
	for _, c := range claims {
		at := int(c.port.HostPort)
		var blocker holder
		for range c.count {
			for ; at <= int(c.port.HostPortEnd); at++ {
				if h, taken := overlapping(held[slot{c.port.Protocol, at}], c.port.HostIP); taken {
					blocker = h
					continue
				}
				break
			}
			if at > int(c.port.HostPortEnd) {
				v.taken(c, blocker)
				break
			}
			s := slot{c.port.Protocol, at}
			held[s] = append(held[s], holder{c.service, c.port.HostIP})
		}
	}
}

// claims lists the fixed host ports and ranges; those too small for the
// replicas are reported here, whatever others want.
func (v *validator) claims() []claim {
	var claims []claim
	for _, s := range v.st.Services {
		for _, p := range s.Ports {
			if p.HostPort == 0 || s.Replicas == 0 {
				continue
			}
			c := claim{s.Name, p, s.Replicas}
			if room := int(p.HostPortEnd) - int(p.HostPort) + 1; c.count > room {
				v.addPort(c, fmt.Sprintf("%d containers cannot share the host port %s", c.count, hostRange(p)),
					"publish a range of at least that many ports, or leave the host port out")
				continue
			}
			claims = append(claims, c)
		}
	}
	return claims
}

// Meet says whether two listeners on one port of these host addresses would
// meet. An empty one is all addresses, 0.0.0.0 and :: all of one family.
func Meet(a, b string) bool {
	if a == "" || b == "" || a == b {
		return true
	}
	x, err1 := netip.ParseAddr(a)
	y, err2 := netip.ParseAddr(b)
	return err1 == nil && err2 == nil && x.Is4() == y.Is4() && (x.IsUnspecified() || y.IsUnspecified())
}

// overlapping finds a holder on the same address, or where one side listens on all.
func overlapping(held []holder, ip string) (holder, bool) {
	for _, h := range held {
		if Meet(h.ip, ip) {
			return h, true
		}
	}
	return holder{}, false
}

func (v *validator) taken(c claim, by holder) {
	where := hostRange(c.port) + "/" + c.port.Protocol
	switch {
	case c.port.HostPort != c.port.HostPortEnd:
		v.addPort(c, "not enough free ports in the range "+where, "other ports of this stack use them")
	case by.service == c.service:
		v.addPort(c, "host port "+where+" is published twice", "")
	default:
		v.addPort(c, "host port "+where+" is published by services."+by.service+" already", "")
	}
}

// addPort keeps the port with the problem, so that its line can be found.
func (v *validator) addPort(c claim, msg, hint string) {
	v.add(c.path(), msg, hint)
	if v.ports == nil {
		v.ports = map[*Error]types.ServicePortConfig{}
	}
	published := c.port
	published.HostIP = ""
	v.ports[v.found[len(v.found)-1]] = types.ServicePortConfig{
		HostIP: c.port.HostIP, Target: uint32(c.port.Target), Published: hostRange(published),
	}
}

func hostRange(p Port) string {
	text := fmt.Sprint(p.HostPort)
	if p.HostPortEnd != p.HostPort {
		text += fmt.Sprintf("-%d", p.HostPortEnd)
	}
	switch {
	case strings.Contains(p.HostIP, ":"):
		text = "[" + p.HostIP + "]:" + text
	case p.HostIP != "":
		text = p.HostIP + ":" + text
	}
	return text
}
