package bridge

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Seen is what the kernel had of links, addresses and routes when See looked: of the
// machine's network namespace, or of a container's.
type Seen struct {
	links  []netlink.Link
	addrs  []netlink.Addr
	routes []netlink.Route
}

// See looks at all links of the machine; at IPv6 only if asked.
func See(six bool) (*Seen, error) { return see(&netlink.Handle{}, nil, six) }

// SeeOutside looks at the links on the machine that an attachment needs, and no further.
func SeeOutside(a Attachment) (*Seen, error) {
	s := &Seen{}
	for _, name := range []string{a.HostSide(), a.Bridge.Name} {
		l, err := netlink.LinkByName(name)
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("link %s: %w", name, err)
		}
		s.links = append(s.links, l)
	}
	return s, nil
}

// see looks at one link, or at all for nil.
func see(h *netlink.Handle, l netlink.Link, six bool) (s *Seen, err error) {
	s = &Seen{}
	if l != nil {
		s.links = []netlink.Link{l}
	} else if s.links, err = Listed(h.LinkList); err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	family := netlink.FAMILY_V4
	if six {
		family = netlink.FAMILY_ALL
	}
	if s.addrs, err = Listed(func() ([]netlink.Addr, error) { return h.AddrList(l, family) }); err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	for _, f := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		if f == netlink.FAMILY_V6 && !six {
			continue
		}
		routes, err := Listed(func() ([]netlink.Route, error) { return h.RouteList(l, f) })
		if err != nil {
			return nil, fmt.Errorf("list routes: %w", err)
		}
		s.routes = append(s.routes, routes...)
	}
	return s, nil
}

func is6(p netip.Prefix) bool { return p.Addr().Is6() }

// Listed returns what the kernel lists, and asks anew if something has changed while it did.
func Listed[T any](list func() ([]T, error)) (out []T, err error) {
	for range 10 {
		if out, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			return out, err
		}
		time.Sleep(time.Millisecond)
	}
	return out, err
}

// link returns the link of that name, nil for none.
func (s *Seen) link(name string) netlink.Link {
	at := slices.IndexFunc(s.links, func(l netlink.Link) bool { return l.Attrs().Name == name })
	if at < 0 {
		return nil
	}
	return s.links[at]
}

// missing says which addresses a link lacks, and to which of their subnets no route
// leads by it, as the kernel makes one with an address and a link that is up.
func (s *Seen) missing(l netlink.Link, want []netip.Prefix) (out []string) {
	for _, p := range want {
		switch {
		case !s.has(l, p):
			out = append(out, "address "+p.String())
		case l.Attrs().Flags&net.FlagUp != 0 && !s.leads(l, p):
			out = append(out, "the route to "+p.Masked().String())
		}
	}
	return out
}

func (s *Seen) has(l netlink.Link, p netip.Prefix) bool {
	want := ipNet(p).String()
	return slices.ContainsFunc(s.addrs, func(a netlink.Addr) bool {
		return a.LinkIndex == l.Attrs().Index && a.IPNet.String() == want
	})
}

func (s *Seen) leads(l netlink.Link, p netip.Prefix) bool {
	want := ipNet(p.Masked()).String()
	return slices.ContainsFunc(s.routes, func(r netlink.Route) bool {
		return r.LinkIndex == l.Attrs().Index && r.Dst != nil && r.Dst.String() == want
	})
}

// leaves reports whether there is a default route of a family, by whatever link.
func (s *Seen) leaves(six bool) bool {
	return slices.ContainsFunc(s.routes, func(r netlink.Route) bool {
		if (r.Family == netlink.FAMILY_V6) != six {
			return false
		}
		if r.Dst == nil {
			return true
		}
		ones, _ := r.Dst.Mask.Size()
		return ones == 0
	})
}

// connect puts back the routes to the subnets of addresses, which the kernel makes only
// with the address itself. The link must be up.
func connect(h *netlink.Handle, l netlink.Link, list []netip.Prefix) error {
	s, err := see(h, l, slices.ContainsFunc(list, is6))
	if err != nil {
		return err
	}
	for _, p := range list {
		if s.leads(l, p) {
			continue
		}
		r := &netlink.Route{LinkIndex: l.Attrs().Index, Dst: ipNet(p.Masked()), Protocol: unix.RTPROT_KERNEL}
		if p.Addr().Is4() {
			r.Scope, r.Src = netlink.SCOPE_LINK, p.Addr().AsSlice()
		} else {
			r.Priority = 256 // as of the kernel's own: IP6_RT_PRIO_ADDRCONF
		}
		if err := h.RouteReplace(r); err != nil {
			return fmt.Errorf("add the route to %s: %w", p.Masked(), err)
		}
	}
	return nil
}
