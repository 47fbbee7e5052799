package spec

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// place converts where a service stands in a network.
func (c *converter) place(a *Attachment, n *types.ServiceNetworkConfig, net joined) {
	attr := "networks." + a.Network
	a.Priority, a.GatewayPriority, a.Nameless = n.Priority, n.GatewayPriority, !n.ServiceNameAliasEnabled()
	c.mac(a, attr+".mac_address", n.MacAddress, net)
	a.IPv4 = c.chosenAddress(attr+".ipv4_address", n.Ipv4Address, net, false)
	a.IPv6 = c.chosenAddress(attr+".ipv6_address", n.Ipv6Address, net, true)
	for i, text := range n.LinkLocalIPs {
		ip, ok := address(text)
		if !ok || !ip.IsLinkLocalUnicast() {
			c.problem(fmt.Sprintf("%s.link_local_ips[%d]", attr, i), "%q is not an address of 169.254.0.0/16 or fe80::/64", printable(text))
		}
		a.LinkLocal = append(a.LinkLocal, ip.String())
	}
	slices.Sort(a.LinkLocal)
	a.LinkLocal = slices.Compact(a.LinkLocal)
	c.interfaceName(a, attr+".interface_name", n.InterfaceName)
	c.endpointOptions(a, attr+".driver_opts", n.DriverOpts)
}

// chosenAddress checks an address that a container shall have. What the
// subnet of an external network is only its owner's file says.
func (c *converter) chosenAddress(attr, text string, net joined, six bool) string {
	if text == "" {
		return ""
	}
	family, pool := "IPv4", &net.Pool
	if six {
		family, pool = "IPv6", net.IPv6
	}
	ip, ok := address(text)
	if !ok || ip.Is6() != six {
		c.problem(attr, "%q is not an %s address", printable(text), family)
		return ""
	}
	if net.External {
		return ip.String()
	}
	if pool == nil || !six && net.NoIPv4 {
		c.problem(attr, "the network has no %s: networks.%s.enable_%s", family, net.Key, strings.ToLower(family))
		return ""
	}
	subnet, err := netip.ParsePrefix(pool.Subnet)
	switch {
	case err != nil:
		c.problem(attr, "a chosen address needs a chosen subnet: networks.%s.ipam.config", net.Key)
	case !subnet.Contains(ip):
		c.problem(attr, "%s is not in the subnet %s of the network", ip, subnet)
	case ip.String() == pool.Gateway:
		c.problem(attr, "%s is the gateway of the network", ip)
	}
	for _, r := range pool.Reserved {
		if r.Value == ip.String() {
			c.problem(attr, "%s is kept for %s: networks.%s.ipam.config, aux_addresses", ip, printable(r.Name), net.Key)
		}
	}
	return ip.String()
}

func (c *converter) mac(a *Attachment, attr, text string, top joined) {
	if text == "" {
		return
	}
	hw, err := net.ParseMAC(text)
	if err != nil || len(hw) != 6 || hw[0]&1 != 0 {
		c.problem(attr, "%q is not a hardware address of one interface", printable(text))
		return
	}
	if top.Driver == DriverIPvlan {
		c.problem(attr, "on an ipvlan network all have the parent's hardware address; remove it")
	}
	a.MAC = fmt.Sprint(hw)
}

func (c *converter) interfaceName(a *Attachment, attr, name string) {
	if name == "" {
		return
	}
	if !isLink(name) || name == "lo" {
		c.problem(attr, "%q is not a name that an interface can have: at most 15 letters, digits, _ . and -", printable(name))
	}
	if a.Interface != "" && a.Interface != name {
		c.problem(attr, "it is named %s already", printable(a.Interface))
	}
	a.Interface = name
}

// The endpoint options of Docker's that are known.
const (
	optSysctls = "com.docker.network.endpoint.sysctls"
	optIfname  = "com.docker.network.endpoint.ifname"
)

func (c *converter) endpointOptions(a *Attachment, attr string, opts types.Options) {
	for _, name := range slices.Sorted(maps.Keys(opts)) {
		switch name {
		case optIfname:
			c.interfaceName(a, attr+"."+name, opts[name])
		case optSysctls:
			c.interfaceSysctls(a, attr+"."+name, opts[name])
		default:
			c.problem(attr+"."+name, "this option is not possible here; there are %s and %s", optSysctls, optIfname)
		}
	}
}

// ofInterface are the settings that the kernel keeps for each interface.
var ofInterface = regexp.MustCompile(`^net\.(ipv4|ipv6|mpls)\.(conf|neigh)\.IFNAME\.[a-z0-9_]+$`)

func (c *converter) interfaceSysctls(a *Attachment, attr, text string) {
	for part := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || !ofInterface.MatchString(name) || value == "" || hasControl(value, false) {
			c.problem(attr, "%q is not as net.ipv4.conf.IFNAME.NAME=VALUE", printable(part))
			continue
		}
		a.Sysctls = append(a.Sysctls, Pair{name, value})
	}
	slices.SortFunc(a.Sysctls, func(a, b Pair) int { return cmp.Compare(a.Name, b.Name) })
}

// interfaceNames refuses one name for two interfaces.
func (c *converter) interfaceNames(list []Attachment) {
	on := map[string]string{}
	for _, a := range list {
		if first := on[a.Interface]; a.Interface != "" && first != "" {
			c.problem("networks."+a.Network+".interface_name", "%s is the interface on %s already", a.Interface, first)
		}
		on[a.Interface] = a.Network
	}
}
