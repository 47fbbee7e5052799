package ctrd

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/dns"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/spec"
)

// TestResolvConf: this machine at the network's gateway is asked first, and who
// else may answer is behind it.
func TestResolvConf(t *testing.T) {
	e := unconnected(t)
	inside := []byte(`{"version":1,"name":"shop_inside","internal":true}`)
	if err := statedir.WriteFile(filepath.Join(e.Dirs.Networks(), "shop_inside.json"), inside, 0o600); err != nil {
		t.Fatal(err)
	}
	on := func(networks ...network.Attachment) network.Endpoint { return network.Endpoint{Attachments: networks} }
	addr := netip.MustParseAddr
	front := network.Attachment{Network: "shop_front", Gateway: addr("10.1.0.1"), Gateway6: addr("fd00:1::1")}
	six := network.Attachment{Network: "shop_six", Gateway6: addr("fd00:2::1")}
	hidden := network.Attachment{Network: "shop_inside", Gateway: addr("10.3.0.1")}
	wire := network.Attachment{Network: "shop_wire", Gateway: addr("192.0.2.254"), OnWire: true}
	const host = "nameserver 127.0.0.53\nnameserver 192.0.2.53\nsearch lan\n"
	const quick = "options timeout:1 attempts:2\n"
	tests := []struct {
		name, host string
		of         network.Endpoint
		service    spec.Service
		want       string
	}{
		{"on a bridge", host, on(front), spec.Service{}, "nameserver 10.1.0.1\nnameserver 192.0.2.53\nsearch lan\n" + quick},
		{"of IPv6", host, on(six), spec.Service{}, "nameserver fd00:2::1\nnameserver 192.0.2.53\nsearch lan\n" + quick},
		{"the first of two", host, on(six, front), spec.Service{}, "nameserver fd00:2::1\nnameserver 192.0.2.53\nsearch lan\n" + quick},
		{"on the wire", host, on(wire), spec.Service{}, "nameserver 192.0.2.53\nsearch lan\n"},
		{"on both", host, on(wire, front), spec.Service{}, "nameserver 10.1.0.1\nnameserver 192.0.2.53\nsearch lan\n" + quick},
		{"without a way out", host, on(hidden), spec.Service{}, "nameserver 10.3.0.1\nsearch lan\n" + quick},
		{"with one beside", host, on(front, hidden), spec.Service{}, "nameserver 10.1.0.1\nnameserver 192.0.2.53\nsearch lan\n" + quick},
		{"the host is patient", "options timeout:9 ndots:2\n", on(front), spec.Service{}, "nameserver 10.1.0.1\noptions timeout:9 ndots:2\n"},
		{"servers of its own", host, on(front), spec.Service{DNS: spec.DNS{Servers: []string{"198.51.100.1"}}}, "nameserver 10.1.0.1\nsearch lan\nnameserver 198.51.100.1\n" + quick},
		{"options of its own", host, on(front), spec.Service{DNS: spec.DNS{Options: []string{"ndots:3"}}}, "nameserver 10.1.0.1\nnameserver 192.0.2.53\nsearch lan\noptions ndots:3\n" + quick},
		{"a server inside itself", host, on(front), spec.Service{DNS: spec.DNS{Servers: []string{"127.0.0.1"}}}, "search lan\nnameserver 127.0.0.1\n"},
		{"on the host's network", host, on(), spec.Service{NetworkMode: spec.NetworkHost}, host},
		{"on none", host, on(), spec.Service{NetworkMode: spec.NetworkNone}, "nameserver 192.0.2.53\nsearch lan\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "resolv.conf")
			if err := os.WriteFile(path, []byte(tt.host), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv(dns.PathVariable, path)
			got, err := e.resolvConf(tt.of, &tt.service)
			if diff := cmp.Diff(tt.want, string(got)); err != nil || diff != "" {
				t.Errorf("%v: %s", err, diff)
			}
		})
	}
}
