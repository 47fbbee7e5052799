package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Attachment joins a service to a network.
type Attachment struct {
	Network   string   `json:"network"` // top-level key
	Aliases   []string `json:"aliases,omitempty"`
	IPv4      string   `json:"ipv4_address,omitempty"`   // in the network's own subnet; empty for a free one
	IPv6      string   `json:"ipv6_address,omitempty"`   // likewise
	MAC       string   `json:"mac_address,omitempty"`    // empty for one that follows from the address
	LinkLocal []string `json:"link_local_ips,omitempty"` // further addresses, of this link only
	Interface string   `json:"interface_name,omitempty"` // in the container; empty for eth0, eth1…
	Sysctls   []Pair   `json:"sysctls,omitempty"`        // of the interface, which the names have as IFNAME
	Nameless  bool     `json:"nameless,omitempty"`       // it does not answer by the service's name there
	// The network of the highest GatewayPriority has the default route; of
	// equals the one of the highest Priority, then the first by key.
	Priority        int `json:"priority,omitempty"`
	GatewayPriority int `json:"gw_priority,omitempty"`
}

// chosen says whether it has what only one container can have.
func (a Attachment) chosen() bool {
	return a.IPv4 != "" || a.IPv6 != "" || a.MAC != "" || len(a.LinkLocal) > 0
}

func inOrder(list []Attachment) []Attachment {
	return slices.SortedStableFunc(slices.Values(list), func(a, b Attachment) int {
		return cmp.Or(cmp.Compare(b.GatewayPriority, a.GatewayPriority), cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Network, b.Network))
	})
}

// Joined are its networks in the order of its interfaces. The first that has a
// way out has the default route and the published ports.
func (s *Service) Joined() []Attachment { return inOrder(s.Networks) }

// Addresses are the chosen ones in the network's subnets.
func (a Attachment) Addresses() []string {
	return slices.DeleteFunc([]string{a.IPv4, a.IPv6}, func(s string) bool { return s == "" })
}

// Free is the attachment without what only one container can have.
func (a Attachment) Free() Attachment {
	a.IPv4, a.IPv6, a.MAC, a.LinkLocal = "", "", "", nil
	return a
}

// The drivers of networks.
const (
	DriverBridge  = "" // a network of this machine
	DriverMacvlan = "macvlan"
	DriverIPvlan  = "ipvlan"
)

// Pool is where the addresses of one family come from.
type Pool struct {
	Subnet   string `json:"subnet,omitempty"`        // empty for a free one
	Gateway  string `json:"gateway,omitempty"`       // the bridge's address in Subnet; empty for the first
	Range    string `json:"ip_range,omitempty"`      // what free addresses come from; empty for all of Subnet
	Reserved []Pair `json:"aux_addresses,omitempty"` // of others, by name: no container gets them
}

// Network is a top-level network.
type Network struct {
	Key      string `json:"key"`  // name in the file; "default" for the implicit one
	Name     string `json:"name"` // name on the machine, e.g. demo_default
	External bool   `json:"external,omitempty"`
	Internal bool   `json:"internal,omitempty"` // no way out of it
	Pool            // IPv4
	NoIPv4   bool   `json:"no_ipv4,omitempty"`
	IPv6     *Pool  `json:"ipv6,omitempty"` // nil: none
	MTU      int    `json:"mtu,omitempty"`  // bytes; 0 for that of the host's way out
	Labels   []Pair `json:"labels,omitempty"`

	Link         string `json:"link,omitempty"`          // name of the bridge; empty for one of stackup's choice
	Apart        bool   `json:"apart,omitempty"`         // its containers do not reach each other
	NoMasquerade bool   `json:"no_masquerade,omitempty"` // what leaves it keeps its address

	Driver string `json:"driver,omitempty"` // see DriverBridge
	Parent string `json:"parent,omitempty"` // macvlan, ipvlan: the host's link
	Mode   string `json:"mode,omitempty"`   // macvlan, ipvlan: empty for bridge, l2
}

// Settings are what a network is made with, and is not changed in under its
// containers, by the names of the file: the same names in the same order for all.
func (n Network) Settings() []Pair {
	var six Pool
	if n.IPv6 != nil {
		six = *n.IPv6
	}
	return append(slices.Concat(pool("ipam.config", n.Pool), pool("ipam.config of IPv6", six)),
		Pair{"enable_ipv4", fmt.Sprint(!n.NoIPv4)},
		Pair{"enable_ipv6", fmt.Sprint(n.IPv6 != nil)},
		Pair{"driver_opts.mtu", fmt.Sprint(n.MTU)},
		Pair{"internal", fmt.Sprint(n.Internal)},
		Pair{"driver_opts.bridge.name", n.Link},
		Pair{"driver_opts.bridge.enable_icc", fmt.Sprint(!n.Apart)},
		Pair{"driver_opts.bridge.enable_ip_masquerade", fmt.Sprint(!n.NoMasquerade)},
		Pair{"driver", n.Driver},
		Pair{"driver_opts.parent", n.Parent},
		Pair{"driver_opts.mode", n.Mode},
	)
}

func pool(path string, p Pool) []Pair {
	var reserved []string
	for _, r := range p.Reserved {
		reserved = append(reserved, r.Name+"="+r.Value)
	}
	return []Pair{
		{path + ".subnet", p.Subnet},
		{path + ".gateway", p.Gateway},
		{path + ".ip_range", p.Range},
		{path + ".aux_addresses", strings.Join(reserved, " ")},
	}
}
