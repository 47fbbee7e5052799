package spec

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// joined is a top-level network that a service is on, with what only its
// services need to know.
type joined struct {
	Network
	binding string // host_ip of ports that have none
}

// topNetwork converts a top-level network when the first service joins it.
func (s *scan) topNetwork(key string, n types.NetworkConfig) joined {
	if known, ok := s.tops[key]; ok {
		return known
	}
	out := joined{Network: Network{Key: key, Name: n.Name, External: bool(n.External), Internal: n.Internal, Labels: sortedPairs(n.Labels)}}
	path := "networks." + key
	c := &netConverter{out: &out, fail: func(attr, format string, args ...any) {
		s.rep.addf(s.all.find(path+"."+attr), path+"."+attr, format, args...)
	}}
	checkLabels(out.Labels, c.fail)
	c.driver(n.Driver)
	c.options(n.DriverOpts)
	c.families(n)
	c.pools(n.Ipam.Config)
	c.onWire(n)
	if s.tops == nil {
		s.tops = map[string]joined{}
	}
	s.tops[key] = out
	return out
}

// netConverter converts one top-level network.
type netConverter struct {
	out  *joined
	fail func(attr, format string, args ...any)
}

func (c *netConverter) driver(name string) {
	switch name {
	case "", "default", "bridge":
	case DriverMacvlan, DriverIPvlan:
		c.out.Driver = name
	case "overlay":
		c.fail("driver", "overlay networks join several machines, and this is one; leave driver out")
	default:
		c.fail("driver", "there is no driver %q here; use bridge, macvlan or ipvlan, or the external networks host and none", printable(name))
	}
}

// families says which of IPv4 and IPv6 it has.
func (c *netConverter) families(n types.NetworkConfig) {
	c.out.NoIPv4 = n.EnableIPv4 != nil && !*n.EnableIPv4
	if n.EnableIPv6 != nil && *n.EnableIPv6 {
		c.out.IPv6 = &Pool{}
	}
	if c.out.NoIPv4 && c.out.IPv6 == nil {
		c.fail("enable_ipv4", "a network without IPv4 needs enable_ipv6: true")
	}
}

// onWire checks what a network on a link of the host's needs.
func (c *netConverter) onWire(n types.NetworkConfig) {
	if c.out.Driver == DriverBridge || c.out.External {
		return
	}
	if !isLink(c.out.Parent) {
		c.fail("driver_opts.parent", "%s needs the name of a link of this machine as parent", c.out.Driver)
	}
	if !c.out.NoIPv4 && c.out.Subnet == "" || c.out.IPv6 != nil && c.out.IPv6.Subnet == "" {
		c.fail("ipam.config", "%s needs the subnet of the parent's network, of each family", c.out.Driver)
	}
	if n.Internal {
		c.fail("internal", "the containers of a %s network are on the wire themselves; remove it", c.out.Driver)
	}
}

// isLink is the kernel's rule for the name of a link (dev_valid_name), less what
// nobody uses.
func isLink(name string) bool {
	return len(name) <= 15 && isWord(name) && name != "." && name != ".."
}

// predefined is the mode of a service on one of the two networks that are always
// there: external ones that are named host and none.
func (s *scan) predefined(key string, n types.NetworkConfig) NetworkMode {
	mode := NetworkMode(n.Driver)
	if n.Driver == "" || n.Driver == "default" {
		mode = NetworkMode(n.Name)
	}
	switch {
	case mode != NetworkHost && mode != NetworkNone:
		return ""
	case bool(n.External) && n.Name == string(mode):
		return mode
	case n.Driver == string(mode):
		path := "networks." + key + ".driver"
		s.rep.addf(s.all.find(path), path, "there is one network of this driver; say name: %s and external: true, or network_mode: %s in the service", mode, mode)
		return mode
	}
	return ""
}

// networks gives a service the default network when it names none. On host or
// none it has a mode instead.
func (c *converter) networks(cfg types.ServiceConfig, p *types.Project, used *usage) (list []Attachment, mode NetworkMode) {
	if cfg.NetworkMode == bridgeMode {
		c.onBridge(&cfg, p, used)
	}
	for _, key := range slices.Sorted(maps.Keys(cfg.Networks)) {
		top, ok := p.Networks[key]
		if !ok {
			c.problem("networks."+key, "no network %s is defined at the top level%s", key, known(maps.Keys(p.Networks)))
			continue
		}
		if mode = c.predefined(key, top); mode != "" {
			c.alone(cfg, key, mode)
			return nil, mode
		}
		used.networks[key] = true
		net := c.topNetwork(key, top)
		a := Attachment{Network: key}
		if n := cfg.Networks[key]; n != nil {
			a.Aliases = slices.Compact(slices.Sorted(slices.Values(n.Aliases)))
			c.place(&a, n, net)
		}
		list = append(list, a)
	}
	c.interfaceNames(list)
	if len(list) == 0 && cfg.MacAddress != "" {
		c.problem("mac_address", "it is on no network: remove it, or network_mode")
	}
	if len(list) > 0 && cfg.MacAddress != "" {
		c.mac(&list[0], "mac_address", cfg.MacAddress, c.tops[list[0].Network]) // of the only one, or the first by key
	}
	return list, ""
}

// alone refuses what a service on the network host or none cannot have.
func (c *converter) alone(cfg types.ServiceConfig, key string, mode NetworkMode) {
	if len(cfg.Networks) > 1 {
		c.problem("networks."+key, "who is on the network %s is on no other", mode)
	}
	if n := cfg.Networks[key]; n != nil {
		c.problem("networks."+key, "on the network %s there is nothing to choose; name it alone", mode)
	}
	if len(cfg.Ports) > 0 {
		c.problem("ports", "nothing is published on the network %s; remove one", mode)
	}
}

// option names of Docker's drivers.
const (
	optMTU        = "com.docker.network.driver.mtu"
	optBridge     = "com.docker.network.bridge.name"
	optICC        = "com.docker.network.bridge.enable_icc"
	optMasquerade = "com.docker.network.bridge.enable_ip_masquerade"
	optBinding    = "com.docker.network.bridge.host_binding_ipv4"
	optGateway4   = "com.docker.network.bridge.gateway_mode_ipv4"
	optGateway6   = "com.docker.network.bridge.gateway_mode_ipv6"
	optParent     = "parent"
)

// options takes driver_opts. Those that are not known are refused: each would
// change what the network does.
func (c *netConverter) options(opts types.Options) {
	onWire := c.out.Driver != DriverBridge
	for _, name := range slices.Sorted(maps.Keys(opts)) {
		value := opts[name]
		bad := func(want string) { c.fail("driver_opts."+name, "%q is not %s", printable(value), want) }
		switch {
		case name == optMTU:
			mtu, err := strconv.Atoi(value)
			if err != nil || mtu < 576 || mtu > 65535 {
				bad("a size from 576 to 65535")
			}
			c.out.MTU = mtu
		case onWire && name == optParent:
			c.out.Parent = value
		case onWire && name == c.out.Driver+"_mode":
			c.mode(value, bad)
		case !onWire && c.bridgeOption(name, value, bad):
		default:
			c.fail("driver_opts."+name, "this option is not possible here; there are %s", strings.Join(c.optionNames(), ", "))
		}
	}
}

func (c *netConverter) optionNames() []string {
	if c.out.Driver != DriverBridge {
		return []string{optParent, c.out.Driver + "_mode", optMTU}
	}
	return []string{optMTU, optBridge, optICC, optMasquerade, optBinding}
}

func (c *netConverter) mode(value string, bad func(string)) {
	modes := []string{"bridge", "private", "vepa", "passthru"}
	if c.out.Driver == DriverIPvlan {
		modes = []string{"l2", "l3", "l3s"}
	}
	if !slices.Contains(modes, value) {
		bad("one of " + strings.Join(modes, ", "))
	}
	if value != modes[0] {
		c.out.Mode = value
	}
}

func (c *netConverter) bridgeOption(name, value string, bad func(string)) (known bool) {
	toggle := func() bool {
		on, err := strconv.ParseBool(value)
		if err != nil {
			bad("true or false")
		}
		return on
	}
	switch name {
	case optBridge:
		if !isLink(value) {
			bad("a name that a link can have")
		}
		c.out.Link = value
	case optICC:
		c.out.Apart = !toggle()
	case optMasquerade:
		c.out.NoMasquerade = !toggle()
	case optBinding:
		if a, ok := address(value); !ok || !a.Is4() {
			bad("an IPv4 address")
		}
		c.out.binding = value
	case optGateway4, optGateway6:
		if value != "nat" {
			bad("nat, the one mode here: to reach containers from outside, publish their ports")
		}
	default:
		return false
	}
	return true
}
