// Package dns answers containers' questions for names: of their networks from
// a table, and of all others by asking the machine's own resolvers.
package dns

import (
	"net/netip"
	"slices"
	"strings"
)

// Network is a network whose names are answered for.
type Network struct {
	Name     string // on the machine, e.g. shop_default
	Subnets  []netip.Prefix
	Internal bool // no way out of it, by questions neither
}

// Member is a container on networks.
type Member struct {
	Name    string       // visible name, which its addresses lead back to
	Answers bool         // it runs, and is not unhealthy
	Servers []netip.Addr // whom it wants asked for names of the world; none for the machine's
	At      []Place
}

// Place is where a container is on one network.
type Place struct {
	Network   string
	Names     []string
	Addresses []netip.Addr
}

// Table is what all networks have of names. It never changes.
type Table struct {
	zones map[string]*zone // by network
}

// zone is what one network has.
type zone struct {
	Network
	suffix  string                  // with which a name is meant for this network
	names   map[string][]netip.Addr // in lower case; none: known, and nobody answers
	reverse map[netip.Addr]string
	clients map[netip.Addr]*client
}

// client is who asks.
type client struct {
	zones   []*zone // the networks it is on
	servers []netip.Addr
}

// NewTable makes a table. What is on a network that is not given is left out.
func NewTable(networks []Network, members []Member) *Table {
	t := &Table{zones: map[string]*zone{}}
	for _, n := range networks {
		t.zones[n.Name] = &zone{
			Network: n, suffix: "." + strings.ToLower(n.Name), names: map[string][]netip.Addr{},
			reverse: map[netip.Addr]string{}, clients: map[netip.Addr]*client{},
		}
	}
	for _, m := range members {
		t.add(m)
	}
	return t
}

func (t *Table) add(m Member) {
	c := &client{servers: m.Servers}
	for _, p := range m.At {
		z := t.zones[p.Network]
		if z == nil {
			continue
		}
		c.zones = append(c.zones, z)
		for _, a := range p.Addresses {
			z.clients[a] = c
		}
		z.add(m, p)
	}
}

func (z *zone) add(m Member, p Place) {
	for _, name := range p.Names {
		name = strings.ToLower(name)
		had := z.names[name]
		if !m.Answers {
			z.names[name] = had
			continue
		}
		for _, a := range p.Addresses {
			if !slices.Contains(had, a) {
				had = append(had, a)
			}
		}
		z.names[name] = had
	}
	if m.Answers {
		for _, a := range p.Addresses {
			z.reverse[a] = m.Name + "." + z.Name
		}
	}
}

// client gives who asks from an address of a network: all that it may know.
// Somebody unknown sees that network alone.
func (t *Table) client(network string, from netip.Addr) *client {
	z := t.zones[network]
	if z == nil {
		return &client{}
	}
	if c := z.clients[from]; c != nil {
		return c
	}
	return &client{zones: []*zone{z}}
}

// upstream says whom to ask for the client: its own servers, or the machine's.
// From networks without a way out only what is on them can be asked.
func (c *client) upstream(machine func() []netip.Addr) []netip.Addr {
	outside := slices.ContainsFunc(c.zones, func(z *zone) bool { return !z.Internal })
	switch {
	case outside && len(c.servers) > 0:
		return c.servers
	case outside:
		return machine()
	}
	return slices.DeleteFunc(slices.Clone(c.servers), func(a netip.Addr) bool {
		return !slices.ContainsFunc(c.zones, func(z *zone) bool { return z.has(a) })
	})
}

func (z *zone) has(a netip.Addr) bool {
	return slices.ContainsFunc(z.Subnets, func(p netip.Prefix) bool { return p.Contains(a) })
}

// lookup gives the addresses of a name in lower case, on all of the client's
// networks; known says whether anybody has it at all.
func (c *client) lookup(name string) (out []netip.Addr, known bool) {
	for _, z := range c.zones {
		found, is := z.names[name]
		if short, meant := strings.CutSuffix(name, z.suffix); !is && meant {
			found, is = z.names[short]
		}
		known = known || is
		for _, a := range found {
			if !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	return out, known
}

// ours says whether a name can be of one of the client's networks only. One
// without '_' may be a domain of the world.
func (c *client) ours(name string) bool {
	return slices.ContainsFunc(c.zones, func(z *zone) bool {
		return strings.Contains(z.Name, "_") && strings.HasSuffix(name, z.suffix)
	})
}

// nameOf gives the name of an address on one of the client's networks; private
// says that the address is of a network of this machine's, whoever's it is.
func (t *Table) nameOf(c *client, a netip.Addr) (name string, private bool) {
	for _, z := range c.zones {
		if name := z.reverse[a]; name != "" {
			return name, true
		}
	}
	for _, z := range t.zones {
		if z.has(a) {
			return "", true
		}
	}
	return "", false
}
