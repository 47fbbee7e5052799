// Package network gives containers their networks: bridges, addresses, names
// and published ports. Records on disk say what shall be; links and nftables
// rules follow from them and can be made again from them at any time.
package network

import (
	"fmt"
	"net/netip"

	"stackup.dev/stackup/internal/network/ports"
	"stackup.dev/stackup/planner"
)

// Version is the version of the records on disk.
const Version = 1

// Network is a network that exists on the machine.
type Network struct {
	Version int          `json:"version"`
	Name    string       `json:"name"`    // on the machine, e.g. shop_default
	Stack   string       `json:"stack"`   // owner
	Key     string       `json:"key"`     // name in the stack's file
	Subnet  netip.Prefix `json:"subnet"`  // IPv4; zero for none
	Gateway netip.Addr   `json:"gateway"` // the bridge's address
	Bridge  string       `json:"bridge"`  // link name; empty for a network on a link of the host's
	MTU     int          `json:"mtu"`     // bytes

	Subnet6  netip.Prefix `json:"subnet6,omitzero"` // IPv6; zero for none
	Gateway6 netip.Addr   `json:"gateway6,omitzero"`

	Internal bool `json:"internal,omitempty"` // no way out of it
	// Asked is what it was made from, to be held against what is asked for later.
	Asked Settings `json:"asked,omitzero"`
}

// Settings are what a stack asks of a network; the zero value leaves all to us.
type Settings struct {
	Pool
	NoIPv4   bool              `json:"no_ipv4,omitempty"`
	IPv6     *Pool             `json:"ipv6,omitempty"` // nil: none
	MTU      int               `json:"mtu,omitempty"`  // bytes
	Internal bool              `json:"internal,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`

	Link         string `json:"link,omitempty"`          // name of the bridge
	Apart        bool   `json:"apart,omitempty"`         // its containers do not reach each other
	NoMasquerade bool   `json:"no_masquerade,omitempty"` // what leaves it keeps its address

	Driver string `json:"driver,omitempty"` // macvlan, ipvlan; empty for a bridge
	Parent string `json:"parent,omitempty"` // of those: the host's link
	Mode   string `json:"mode,omitempty"`   // of those
}

// Pool is where addresses of one family come from.
type Pool struct {
	Subnet   netip.Prefix `json:"subnet,omitzero"`
	Gateway  netip.Addr   `json:"gateway,omitzero"`
	Range    netip.Prefix `json:"range,omitzero"`     // in Subnet; zero for all of it
	Reserved []Reserved   `json:"reserved,omitempty"` // given to nobody
}

// Reserved is an address that is somebody else's.
type Reserved struct {
	Name    string     `json:"name"`
	Address netip.Addr `json:"address"`
}

// Published is a port wish, or a published port once HostPort is fixed.
type Published = ports.Published

// Attachment joins an endpoint to a network.
type Attachment struct {
	Network   string       `json:"network"`   // name on the machine
	Interface string       `json:"interface"` // in the container: eth0, eth1…
	Address   netip.Prefix `json:"address"`   // IPv4; zero for none
	Gateway   netip.Addr   `json:"gateway"`
	MAC       string       `json:"mac"`
	Wanted    netip.Addr   `json:"wanted,omitzero"` // the address that is asked for; zero for a free one
	Names     []string     `json:"names,omitempty"` // by which it answers on this network

	Address6  netip.Prefix      `json:"address6,omitzero"` // IPv6; zero for none
	Gateway6  netip.Addr        `json:"gateway6,omitzero"`
	Wanted6   netip.Addr        `json:"wanted6,omitzero"`
	Named     bool              `json:"named,omitempty"`      // Interface is of the user's choice
	LinkLocal []netip.Prefix    `json:"link_local,omitempty"` // further addresses
	Sysctls   map[string]string `json:"sysctls,omitempty"`    // of the interface, by names with IFNAME for it
	OnWire    bool              `json:"on_wire,omitempty"`    // not by a bridge of ours
}

// Addresses are those that others reach it by.
func (a Attachment) Addresses() (out []netip.Addr) {
	for _, p := range []netip.Prefix{a.Address, a.Address6} {
		if p.IsValid() {
			out = append(out, p.Addr())
		}
	}
	return out
}

// Machine is this machine's address on the network.
func (a Attachment) Machine() netip.Addr {
	if a.Gateway.IsValid() {
		return a.Gateway
	}
	return a.Gateway6
}

// Endpoint is the network side of one container. The default route goes by
// its first attachment, and published ports lead to that.
type Endpoint struct {
	Version     int                     `json:"version"`
	ID          string                  `json:"id"` // of the container
	Stack       string                  `json:"stack"`
	Service     string                  `json:"service"`
	Index       int                     `json:"index"`
	Hostname    string                  `json:"hostname"`
	Name        string                  `json:"name"` // visible name
	Attachments []Attachment            `json:"attachments,omitempty"`
	Ports       []Published             `json:"ports,omitempty"`
	Hosts       []HostName              `json:"hosts,omitempty"`   // names of its own choice
	Links       []Link                  `json:"links,omitempty"`   // likewise, of others on its networks
	Servers     []netip.Addr            `json:"servers,omitempty"` // whom it asks for names of the world; none for the machine's
	Avoid       map[string][]netip.Addr `json:"-"`                 // at Claim: addresses that others will ask for, by network
	Kept        bool                    `json:"kept,omitempty"`    // what is in its namespace stays as we have made it: nobody in there may change it
	Up          bool                    `json:"up"`                // attached, published and answering by name
	Silent      bool                    `json:"silent,omitempty"`  // does not answer by name, though up: it has ended, or is unhealthy
	Seq         int64                   `json:"seq,omitempty"`     // grows with every Attach: of two that publish one port the later has it
}

// Answers says whether it answers by its names.
func (e Endpoint) Answers() bool { return e.Up && !e.Silent }

// HostName is a name that a container knows by its own wish. The zero address
// is this machine's on the container's first network.
type HostName struct {
	Name    string     `json:"name"`
	Address netip.Addr `json:"address"`
}

// Link is a name of one container's own for a service of its stack, or for a
// container of that visible name.
type Link struct {
	Service   string `json:"service,omitempty"`
	Container string `json:"container,omitempty"`
	Alias     string `json:"alias"`
}

func (l Link) leadsTo(from, o Endpoint) bool {
	if l.Service != "" {
		return o.Stack == from.Stack && o.Service == l.Service
	}
	return o.Name == l.Container
}

// Holder says whose endpoint it is, for messages about what it holds.
func (e Endpoint) Holder() string { return fmt.Sprintf("service %s of stack %s", e.Service, e.Stack) }

// sameReplica says whether both are incarnations of one replica, which follow
// one another and may have the same ports. One-off containers follow nobody.
func (e Endpoint) sameReplica(o Endpoint) bool {
	return e.Stack == o.Stack && e.Service == o.Service && e.Index == o.Index && (e.Index != planner.OneOff || e.ID == o.ID)
}

// PortHolder is a port that an endpoint of ours holds, with its owner.
type PortHolder struct {
	planner.PortUse
	Stack   string
	Service string
	Index   int
}
