package spec

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/compose-spec/compose-go/v2/types"
)

// mtuOption is the one driver option that means something here.
const mtuOption = "com.docker.network.driver.mtu"

// network converts a top-level network.
func (s *scan) network(key string, n types.NetworkConfig) Network {
	out := Network{Key: key, Name: n.Name, External: bool(n.External), Internal: n.Internal, Labels: sortedPairs(n.Labels)}
	path := "networks." + key
	fail := func(attr, format string, args ...any) {
		s.rep.addf(s.all.find(path+"."+attr), path+"."+attr, format, args...)
	}
	for name, value := range n.DriverOpts {
		mtu, err := strconv.Atoi(value)
		if name != mtuOption || err != nil || mtu < 576 || mtu > 65535 {
			fail("driver_opts."+name, "only %s is supported, from 576 to 65535", mtuOption)
		}
		out.MTU = mtu
	}
	if len(n.Ipam.Config) > 1 {
		fail("ipam.config", "several subnets are not supported yet; use several networks")
	}
	for _, pool := range n.Ipam.Config {
		s.pool(&out, pool, fail)
	}
	return out
}

// pool takes the subnet that a network shall have.
func (s *scan) pool(out *Network, pool *types.IPAMPool, fail func(attr, format string, args ...any)) {
	if pool.Subnet == "" {
		if pool.Gateway != "" {
			fail("ipam.config[0].gateway", "a gateway needs a subnet")
		}
		return
	}
	subnet, err := netip.ParsePrefix(pool.Subnet)
	if err != nil || !subnet.Addr().Is4() || subnet.Bits() < 8 || subnet.Bits() > 29 {
		fail("ipam.config[0].subnet", "%q is not an IPv4 subnet of 8 to 29 bits", printable(pool.Subnet))
		return
	}
	out.Subnet = subnet.Masked().String()
	if pool.Gateway == "" {
		return
	}
	if gw, err := netip.ParseAddr(pool.Gateway); err != nil || !subnet.Contains(gw) || gw == subnet.Masked().Addr() {
		fail("ipam.config[0].gateway", "%q is not an address of %s", printable(pool.Gateway), out.Subnet)
	}
	out.Gateway = pool.Gateway
}

// place converts where a service stands in a network.
func (c *converter) place(a *Attachment, n *types.ServiceNetworkConfig, p *types.Project) {
	attr := "networks." + a.Network
	a.Priority, a.GatewayPriority, a.IPv4 = n.Priority, n.GatewayPriority, n.Ipv4Address
	c.mac(a, attr+".mac_address", n.MacAddress)
	if a.IPv4 == "" {
		return
	}
	subnet := ""
	if pools := p.Networks[a.Network].Ipam.Config; len(pools) > 0 {
		subnet = pools[0].Subnet
	}
	ip, err1 := netip.ParseAddr(a.IPv4)
	prefix, err2 := netip.ParsePrefix(subnet)
	switch {
	case err1 != nil || !ip.Is4():
		c.problem(attr+".ipv4_address", "%q is not an IPv4 address", printable(a.IPv4))
	case err2 != nil:
		c.problem(attr+".ipv4_address", "a chosen address needs a chosen subnet: networks.%s.ipam.config", a.Network)
	case !prefix.Contains(ip):
		c.problem(attr+".ipv4_address", "%s is not in the subnet %s of the network", ip, prefix)
	}
}

func (c *converter) mac(a *Attachment, attr, text string) {
	if text == "" {
		return
	}
	hw, err := net.ParseMAC(text)
	if err != nil || len(hw) != 6 || hw[0]&1 != 0 {
		c.problem(attr, "%q is not a hardware address of one interface", printable(text))
		return
	}
	a.MAC = fmt.Sprint(hw)
}
