package ports

import (
	"fmt"
	"net/netip"
	"strings"
)

// FirstRandom and LastRandom bound the host ports given to who asks for any:
// the dynamic ports of RFC 6335 section 6.
const (
	FirstRandom = 49153
	LastRandom  = 65535
)

// Published is one published port. As a wish, HostPort 0 means any, and
// HostPortEnd above HostPort a range to choose from; as a result, HostPort is
// the one port and HostPortEnd equals it.
type Published struct {
	HostIP      string `json:"host_ip,omitempty"` // empty for all; 0.0.0.0 and :: for all of one family
	HostPort    uint16 `json:"host_port"`
	HostPortEnd uint16 `json:"host_port_end"`
	Target      uint16 `json:"target"`   // port in the container
	Protocol    string `json:"protocol"` // tcp or udp
	// IPv6 says that an empty HostIP means the host's IPv6 addresses too.
	IPv6 bool `json:"ipv6,omitempty"`
}

// HostIPs are the addresses of HostIP, each of one family.
func (p Published) HostIPs() []netip.Addr {
	switch {
	case p.HostIP != "":
		return []netip.Addr{addr(p.HostIP)}
	case p.IPv6:
		return []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	default:
		return []netip.Addr{netip.IPv4Unspecified()}
	}
}

// Use is a taken host port.
type Use struct {
	HostIP   netip.Addr // zero for all, unspecified for all of its family
	Port     uint16
	Protocol string
	Holder   func() string // who has it; asked only for an error message
}

// TakenError says that no port of a wish is free.
type TakenError struct {
	Wish   Published
	Holder string // of the only port, or of the first of a range
}

func (e *TakenError) Error() string {
	w, at := e.Wish, e.Wish.HostIP
	if strings.Contains(at, ":") {
		at = "[" + at + "]"
	}
	if at != "" {
		at += ":"
	}
	switch {
	case w.HostPort == 0:
		return fmt.Sprintf("no free host port from %d to %d for container port %d/%s", FirstRandom, LastRandom, w.Target, w.Protocol)
	case w.HostPortEnd > w.HostPort:
		return fmt.Sprintf("host ports %s%d-%d/%s are all taken: %d by %s", at, w.HostPort, w.HostPortEnd, w.Protocol, w.HostPort, e.Holder)
	default:
		return fmt.Sprintf("host port %s%d/%s is taken by %s", at, w.HostPort, w.Protocol, e.Holder)
	}
}

// Choose fixes the host port of every wish, in order. A wish that leaves a
// choice gets the port that previous has for the same target if that is free,
// so that a random port stays the same for a stack; else the first free one.
// No two results share a port. It returns a *TakenError if a wish cannot be
// met.
func Choose(wishes, previous []Published, taken []Use) ([]Published, error) {
	taken = append([]Use(nil), taken...)
	out := make([]Published, 0, len(wishes))
	for _, w := range wishes {
		got, err := chooseOne(w, previous, taken)
		if err != nil {
			return nil, err
		}
		out = append(out, got)
		taken = append(taken, Use{
			HostIP: addr(got.HostIP), Port: got.HostPort, Protocol: got.Protocol,
			Holder: func() string { return fmt.Sprintf("container port %d of the same service", got.Target) },
		})
	}
	return out, nil
}

func chooseOne(w Published, previous []Published, taken []Use) (Published, error) {
	lo, hi := w.HostPort, max(w.HostPort, w.HostPortEnd)
	if w.HostPort == 0 {
		lo, hi = FirstRandom, LastRandom
	}
	free := func(port uint16) bool { _, hit := conflict(w, port, taken); return !hit }
	for _, p := range previous {
		if p.Target == w.Target && p.Protocol == w.Protocol && p.HostIP == w.HostIP &&
			lo <= p.HostPort && p.HostPort <= hi && free(p.HostPort) {
			return fixed(w, p.HostPort), nil
		}
	}
	for port := int(lo); port <= int(hi); port++ {
		if free(uint16(port)) {
			return fixed(w, uint16(port)), nil
		}
	}
	holder, _ := conflict(w, lo, taken)
	return Published{}, &TakenError{Wish: w, Holder: holder.Holder()}
}

func fixed(w Published, port uint16) Published {
	w.HostPort, w.HostPortEnd = port, port
	return w
}

func conflict(w Published, port uint16, taken []Use) (Use, bool) {
	for _, u := range taken {
		if u.Port == port && u.Protocol == w.Protocol && Overlap(addr(w.HostIP), u.HostIP) {
			return u, true
		}
	}
	return Use{}, false
}

// Overlap says whether two host addresses meet: if they are the same, or one
// is all addresses, or all of the other's family.
func Overlap(a, b netip.Addr) bool {
	if !a.IsValid() || !b.IsValid() || a == b {
		return true
	}
	return a.Is4() == b.Is4() && (a.IsUnspecified() || b.IsUnspecified())
}

func addr(s string) netip.Addr {
	a, _ := netip.ParseAddr(s) // empty for all; spec has checked the rest
	return a.Unmap()
}
