package network

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/cni"
	"stackup.dev/stackup/internal/network/bridge"
	"stackup.dev/stackup/spec"
)

// prefixOnWire begins the names that CNI has for the interfaces of a container
// which is on a link of the host's. The standard plugins make them by those, so
// none may be the name of another; after they are named as they shall be.
const prefixOnWire = "cni"

func (e Endpoint) prefix() string {
	if slices.ContainsFunc(e.Attachments, func(a Attachment) bool { return a.OnWire }) {
		return prefixOnWire
	}
	return cni.Prefix
}

// slot is the name that CNI has for the i-th interface.
func (e Endpoint) slot(i int) string { return fmt.Sprintf("%s%d", e.prefix(), i) }

// link is the name of the host's end of the i-th interface; of one on the wire
// there is none of that name.
func (h *Host) link(e Endpoint, i int) string {
	return bridge.VethName(bridge.Name(h.Dirs.Root, e.Attachments[i].Network), e.ID, e.slot(i))
}

// wire is one attachment with all that its plugin must be told.
type wire struct {
	id, slot string
	a        Attachment
	n        Network
	seed     string
	way      [2]bool // the default routes of IPv4 and IPv6 go by it
}

// wires are an endpoint's attachments in order. The default route of a family
// goes by the first that has it and a way out.
func (h *Host) wires(e Endpoint) ([]wire, error) {
	var networks []Network
	for _, a := range e.Attachments {
		n, err := h.network(a.Network)
		if err != nil {
			return nil, fmt.Errorf("network %s: %w", a.Network, err)
		}
		networks = append(networks, n)
	}
	return h.wiresOn(e, networks)
}

// wiresOn is wires by networks that have been read.
func (h *Host) wiresOn(e Endpoint, networks []Network) ([]wire, error) {
	out := make([]wire, 0, len(e.Attachments))
	var found [2]bool
	for i, a := range e.Attachments {
		at := slices.IndexFunc(networks, func(n Network) bool { return n.Name == a.Network })
		if at < 0 {
			return nil, fmt.Errorf("network %s: %w", a.Network, fs.ErrNotExist)
		}
		n := networks[at]
		w := wire{id: e.ID, slot: e.slot(i), a: a, n: n}
		if n.Asked.Link != "" {
			w.seed = bridge.Name(h.Dirs.Root, n.Name)
		}
		for family, p := range []netip.Prefix{a.Address, a.Address6} {
			if p.IsValid() && !n.Internal && !found[family] {
				w.way[family], found[family] = true, true
			}
		}
		out = append(out, w)
	}
	return out, nil
}

// attachment is the interface as it shall be.
func (w wire) attachment() bridge.Attachment {
	s := w.n.spec()
	s.Seed = w.seed
	return bridge.Attachment{
		Bridge: s, Container: w.id, Slot: w.slot, Interface: w.a.Interface, Address: w.a.Address, Address6: w.a.Address6,
		MAC: w.a.MAC, Default: w.way[0], Default6: w.way[1], LinkLocal: w.a.LinkLocal, Sysctls: w.a.Sysctls,
	}
}

func cniNetworks(wires []wire) []cni.Network {
	out := make([]cni.Network, 0, len(wires))
	for _, w := range wires {
		n := cni.Network{Name: w.n.Name}
		if w.a.OnWire {
			n.OnWire = w.onWire()
		} else {
			n.Conf = w.conf()
		}
		out = append(out, n)
	}
	return out
}

func (w wire) conf() cni.Conf {
	a := w.attachment()
	c := cni.Conf{
		Bridge: a.Bridge.Name, Alias: a.Bridge.Alias, Gateway: a.Bridge.Gateway, Gateway6: a.Bridge.Gateway6, BridgeMAC: a.Bridge.MAC, MTU: a.Bridge.MTU,
		Apart: a.Bridge.Apart, Seed: w.seed, Address: a.Address, Address6: a.Address6, MAC: a.MAC, Default: a.Default, Default6: a.Default6,
		LinkLocal: a.LinkLocal, Sysctls: a.Sysctls,
	}
	if a.Interface != a.Slot {
		c.Interface = a.Interface
	}
	return c
}

// onWire leaves routes to Finish: they go with the name that the plugin gives.
func (w wire) onWire() *cni.OnWire {
	c := &cni.OnWire{
		Type: w.n.Asked.Driver, Master: w.n.Asked.Parent, Mode: w.n.Asked.Mode, MTU: w.n.Asked.MTU,
		IPAM: cni.Static{Type: "static"},
	}
	if c.Type == spec.DriverMacvlan {
		c.Mode, c.MAC = cmp.Or(c.Mode, "bridge"), w.a.MAC
	}
	for _, p := range []netip.Prefix{w.a.Address, w.a.Address6} {
		if p.IsValid() {
			c.IPAM.Addresses = append(c.IPAM.Addresses, cni.StaticAddress{Address: p})
		}
	}
	return c
}

// check says whether all interfaces of an endpoint are in order.
func (h *Host) check(e Endpoint) error {
	wires, err := h.wires(e)
	if err != nil {
		return err
	}
	for _, w := range wires {
		if err := w.check(h.NetnsPath(e.ID)); err != nil {
			return err
		}
	}
	return nil
}

func (w wire) check(path string) error {
	if w.a.OnWire {
		return bridge.CheckInside(w.attachment(), path)
	}
	return bridge.Check(w.attachment(), path)
}

// KnowsDriver says whether this machine's kernel can make the links of a network's
// driver, which it may load for that. It looks for a parent only if it can, and
// there is none of that number: nothing is made.
func KnowsDriver(driver string) bool {
	l := netlink.LinkAttrs{Name: "stackup-none", ParentIndex: math.MaxInt32}
	var err error
	switch driver {
	case spec.DriverMacvlan:
		err = netlink.LinkAdd(&netlink.Macvlan{LinkAttrs: l})
	case spec.DriverIPvlan:
		err = netlink.LinkAdd(&netlink.IPVlan{LinkAttrs: l})
	}
	return !errors.Is(err, unix.EOPNOTSUPP)
}
