package spec

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// deviceRule is one as the kernel's device lists take it.
var deviceRule = regexp.MustCompile(`^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$`)

// values refuses what the schema lets through and the kernel, or another
// container, would not.
func (c *converter) values(cfg types.ServiceConfig, p *types.Project) {
	if cfg.CPUSet != "" && !isNumberList(cfg.CPUSet) {
		c.problem("cpuset", "%q is not a list of cores, as 0-2,4", printable(cfg.CPUSet))
	}
	if cfg.ShmSize < 0 {
		c.problem("shm_size", "%d is less than nothing", cfg.ShmSize)
	}
	if cfg.DomainName != "" && !isHost(cfg.DomainName) {
		c.problem("domainname", "%q is not the name of a domain", printable(cfg.DomainName))
	}
	for i, g := range cfg.GroupAdd {
		if g == "" || strings.ContainsAny(g, ":, ") {
			c.problem(fmt.Sprintf("group_add[%d]", i), "%q is neither a group's name nor its number", printable(g))
		}
	}
	for i, r := range cfg.DeviceCgroupRules {
		if !deviceRule.MatchString(r) {
			c.problem(fmt.Sprintf("device_cgroup_rules[%d]", i), "%q is not a rule, as c 1:3 rwm", printable(r))
		}
	}
	for i, e := range cfg.Expose {
		if !isExposed(e) {
			c.problem(fmt.Sprintf("expose[%d]", i), "%q is not a port or a range of ports", printable(e))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(cfg.Networks)) {
		if n := cfg.Networks[key]; n != nil {
			c.ownAddress(key, n.Ipv4Address, p.Networks[key].Ipam.Config)
		}
	}
}

// isNumberList tells whether text is numbers and ranges of them, with commas.
func isNumberList(text string) bool {
	for _, part := range strings.Split(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		from, err1 := strconv.ParseUint(first, 10, 16)
		to, err2 := from, error(nil)
		if isRange {
			to, err2 = strconv.ParseUint(last, 10, 16)
		}
		if err1 != nil || err2 != nil || to < from {
			return false
		}
	}
	return true
}

func isExposed(text string) bool {
	ports, protocol, given := strings.Cut(text, "/")
	from, _, err := hostPorts(ports)
	return err == nil && from > 0 && (!given || slices.Contains([]string{"tcp", "udp", "sctp"}, protocol))
}

// ownAddress refuses the addresses of a subnet that no container can have.
func (c *converter) ownAddress(network, address string, pools []*types.IPAMPool) {
	ip, err := netip.ParseAddr(address)
	if err != nil || len(pools) == 0 {
		return
	}
	subnet, err := netip.ParsePrefix(pools[0].Subnet)
	if err != nil {
		return
	}
	gateway, err := netip.ParseAddr(pools[0].Gateway)
	if err != nil {
		gateway = subnet.Masked().Addr().Next()
	}
	attr := "networks." + network + ".ipv4_address"
	switch {
	case ip == subnet.Masked().Addr():
		c.problem(attr, "%s is the address of the subnet itself", ip)
	case ip == gateway:
		c.problem(attr, "%s is the gateway's address", ip)
	case subnet.Contains(ip) && !subnet.Contains(ip.Next()):
		c.problem(attr, "%s is the subnet's broadcast address", ip)
	}
}
