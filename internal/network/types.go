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
	Name    string       `json:"name"`  // on the machine, e.g. shop_default
	Stack   string       `json:"stack"` // owner
	Key     string       `json:"key"`   // name in the stack's file
	Subnet  netip.Prefix `json:"subnet"`
	Gateway netip.Addr   `json:"gateway"` // the bridge's address
	Bridge  string       `json:"bridge"`  // link name
	MTU     int          `json:"mtu"`     // bytes

	Internal bool `json:"internal,omitempty"` // no way out of it
	// Asked is what it was made from, to be held against what is asked for later.
	Asked Settings `json:"asked,omitzero"`
}

// Settings are what a stack asks of a network; the zero value leaves all to us.
type Settings struct {
	Subnet   netip.Prefix      `json:"subnet,omitzero"`
	Gateway  netip.Addr        `json:"gateway,omitzero"`
	MTU      int               `json:"mtu,omitempty"` // bytes
	Internal bool              `json:"internal,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
}

// Published is a port wish, or a published port once HostPort is fixed.
type Published = ports.Published

// Attachment joins an endpoint to a network.
type Attachment struct {
	Network   string       `json:"network"`   // name on the machine
	Interface string       `json:"interface"` // in the container: eth0, eth1…
	Address   netip.Prefix `json:"address"`
	Gateway   netip.Addr   `json:"gateway"`
	MAC       string       `json:"mac"`
	Wanted    netip.Addr   `json:"wanted,omitzero"` // the address that is asked for; zero for a free one
	Names     []string     `json:"names,omitempty"` // by which it answers on this network
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
	Hosts       []HostName              `json:"hosts,omitempty"` // names of its own choice
	Links       []Link                  `json:"links,omitempty"` // likewise, of others on its networks
	Avoid       map[string][]netip.Addr `json:"-"`               // at Claim: addresses that others will ask for, by network
	Up          bool                    `json:"up"`              // attached, published and answering by name
	Seq         int64                   `json:"seq,omitempty"`   // grows with every Attach: of two that publish one port the later has it
}

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
