package spec_test

import (
	"strings"
	"testing"

	"stackup.dev/stackup/spec"
)

// TestNetworkValuesThatAreRefused: each is told with its place, before anything
// is touched.
func TestNetworkValuesThatAreRefused(t *testing.T) {
	const lan = "ipam: {config: [{subnet: 10.9.0.0/24, gateway: 10.9.0.1, aux_addresses: {printer: 10.9.0.5}}]}"
	const wire = "driver: macvlan, driver_opts: {parent: eth9}, ipam: {config: [{subnet: 10.9.0.0/24}]}"
	for _, tt := range []struct{ name, service, network, want string }{
		{"two subnets of one family", "", "ipam: {config: [{subnet: 10.9.0.0/24}, {subnet: 10.8.0.0/24}]}", "one subnet of each family"},
		{"IPv6 subnet without IPv6", "", `ipam: {config: [{subnet: "fd00::/64"}]}`, "needs enable_ipv6"},
		{"IPv4 subnet without IPv4", "", "enable_ipv4: false, enable_ipv6: true, " + lan, "an IPv4 subnet needs IPv4"},
		{"no family", "", "enable_ipv4: false", "needs enable_ipv6: true"},
		{"no subnet at all", "", "ipam: {config: [{subnet: lots}]}", "is not a subnet"},
		{"subnet too small", "", `enable_ipv6: true, ipam: {config: [{subnet: "fd00::/127"}]}`, "is not a subnet"},
		{"range outside", "", "ipam: {config: [{subnet: 10.9.0.0/24, ip_range: 10.8.0.0/25}]}", "is not a part of 10.9.0.0/24"},
		{"range wider", "", "ipam: {config: [{subnet: 10.9.0.0/24, ip_range: 10.9.0.0/16}]}", "is not a part of 10.9.0.0/24"},
		{"range alone", "", "ipam: {config: [{ip_range: 10.9.0.0/16}]}", "need a subnet"},
		{"gateway outside", "", "ipam: {config: [{subnet: 10.9.0.0/24, gateway: 10.8.0.1}]}", "is not an address of 10.9.0.0/24"},
		{"reserved outside", "", "ipam: {config: [{subnet: 10.9.0.0/24, aux_addresses: {a: 10.8.0.1}}]}", "is not an address of 10.9.0.0/24"},
		{"reserved gateway", "", "ipam: {config: [{subnet: 10.9.0.0/24, gateway: 10.9.0.1, aux_addresses: {a: 10.9.0.1}}]}", "is the gateway"},
		{"address of another", "networks: {n: {ipv4_address: 10.9.0.5}}", lan, "kept for printer"},
		{"address of the gateway", "networks: {n: {ipv4_address: 10.9.0.1}}", lan, "is the gateway"},
		{"address outside", "networks: {n: {ipv4_address: 10.8.0.7}}", lan, "is not in the subnet"},
		{"address of the other family", `networks: {n: {ipv4_address: "fd00::1"}}`, lan, "not an IPv4 address"},
		{"IPv6 address without IPv6", `networks: {n: {ipv6_address: "fd00::1"}}`, lan, "the network has no IPv6"},
		{"IPv6 address without subnet", `networks: {n: {ipv6_address: "fd00::1"}}`, "enable_ipv6: true", "needs a chosen subnet"},
		{"address with zone", `networks: {n: {ipv6_address: "fe80::1%eth0"}}`, "enable_ipv6: true", "not an IPv6 address"},
		{"another IPAM driver", "", "ipam: {driver: dhcp}", "not possible here"},
		{"IPAM options", "", "ipam: {options: {a: b}}", "not possible here"},
		{"another driver", "", "driver: weave", `there is no driver "weave"`},
		{"overlay", "", "driver: overlay", "join several machines"},
		{"driver host of one's own", "", "driver: host", "external: true"},
		{"unknown option", "", "driver_opts: {com.docker.network.bridge.inhibit_ipv4: \"true\"}", "this option is not possible"},
		{"routed", "", "driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: routed}", "is not nat"},
		{"no toggle", "", "driver_opts: {com.docker.network.bridge.enable_icc: maybe}", "true or false"},
		{"long link name", "", "driver_opts: {com.docker.network.bridge.name: a-name-of-16-chars}", "a name that a link can have"},
		{"macvlan without parent", "", "driver: macvlan, ipam: {config: [{subnet: 10.9.0.0/24}]}", "as parent"},
		{"macvlan without subnet", "", "driver: macvlan, driver_opts: {parent: eth9}", "needs the subnet"},
		{"macvlan, internal", "", "internal: true, " + wire, "on the wire"},
		{"macvlan mode", "", "driver: macvlan, driver_opts: {parent: eth9, macvlan_mode: l2}, ipam: {config: [{subnet: 10.9.0.0/24}]}", "one of bridge"},
		{"bridge option of macvlan", "", "driver: macvlan, driver_opts: {parent: eth9, com.docker.network.bridge.name: b}, ipam: {config: [{subnet: 10.9.0.0/24}]}", "this option is not possible"},
		{"ports on macvlan", `ports: ["80:80"]`, wire, "nothing is published"},
		{"MAC on ipvlan", "networks: {n: {mac_address: \"02:00:00:00:00:01\"}}", "driver: ipvlan, driver_opts: {parent: eth9}, ipam: {config: [{subnet: 10.9.0.0/24}]}", "the parent's hardware address"},
		{"port on IPv6 without it", `ports: ["[fd00::1]:80:80"]`, "", "the container has no IPv6"},
		{"port on all IPv6 without it", `ports: ["[::]:80:80"]`, "", "the container has no IPv6"},
		{"port on IPv4 without it", `ports: ["127.0.0.1:80:80"]`, "enable_ipv4: false, enable_ipv6: true", "the container has no IPv4"},
		{"no link-local address", "networks: {n: {link_local_ips: [10.9.0.7]}}", "", "169.254.0.0/16"},
		{"interface name", "networks: {n: {interface_name: a/b}}", "", "a name that an interface can have"},
		{"two interface names", "networks: {n: {interface_name: a, driver_opts: {com.docker.network.endpoint.ifname: b}}}", "", "named a already"},
		{"other endpoint option", "networks: {n: {driver_opts: {x: y}}}", "", "this option is not possible"},
		{"sysctl of no interface", "networks: {n: {driver_opts: {com.docker.network.endpoint.sysctls: net.core.somaxconn=1}}}", "", "IFNAME"},
		{"one address for many", "scale: 2\n    networks: {n: {link_local_ips: [169.254.1.1]}}", "", "one replica only"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			service := tt.service
			if !strings.Contains(service, "networks:") {
				service += "\n    networks: [n]"
			}
			text := "services:\n  web:\n    image: x\n    " + service + "\nnetworks:\n  n: {" + tt.network + "}\n"
			dir := t.TempDir()
			write(t, dir+"/stack.yaml", text)
			_, err := spec.Load(t.Context(), spec.Options{WorkingDir: dir, ProjectName: "demo"})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "stack.yaml:") {
				t.Errorf("got %v\nwant %q with its place\n%s", err, tt.want, text)
			}
		})
	}
}

// TestPortsThatDoNotMeet: one port on both families is two listeners.
func TestPortsThatDoNotMeet(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		meet bool
	}{
		{"", "::1", true},
		{"", "", true},
		{"0.0.0.0", "::", false},
		{"0.0.0.0", "10.0.0.1", true},
		{"::", "fd00::1", true},
		{"::", "10.0.0.1", false},
		{"10.0.0.1", "10.0.0.1", true},
		{"10.0.0.1", "10.0.0.2", false},
	} {
		if spec.Meet(tt.a, tt.b) != tt.meet || spec.Meet(tt.b, tt.a) != tt.meet {
			t.Errorf("%q and %q: want %v", tt.a, tt.b, tt.meet)
		}
	}
}
