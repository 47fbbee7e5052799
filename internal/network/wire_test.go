package network

import (
	"errors"
	"net/netip"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/cni"
	"stackup.dev/stackup/spec"
)

// TestOnWire: what the standard plugins are told. Our own routes come after.
func TestOnWire(t *testing.T) {
	a := Attachment{Network: "shop_lan", Interface: "eth0", OnWire: true, MAC: "02:73:c0:00:02:40", Address: netip.MustParsePrefix("192.0.2.64/24")}
	both := a
	both.MAC, both.Address6 = "", netip.MustParsePrefix("2001:db8::40/64")
	for _, tt := range []struct {
		name string
		a    Attachment
		s    Settings
		want string
	}{
		{
			"macvlan", a,
			Settings{Driver: "macvlan", Parent: "eth9", MTU: 1400},
			`{"cniVersion":"1.1.0","name":"shop_lan","plugins":[{"type":"macvlan","master":"eth9","mode":"bridge","mtu":1400,"mac":"02:73:c0:00:02:40","ipam":{"type":"static","addresses":[{"address":"192.0.2.64/24"}]}}]}`,
		},
		{
			"ipvlan", both,
			Settings{Driver: "ipvlan", Parent: "eth9", Mode: "l3"},
			`{"cniVersion":"1.1.0","name":"shop_lan","plugins":[{"type":"ipvlan","master":"eth9","mode":"l3","ipam":{"type":"static","addresses":[{"address":"192.0.2.64/24"},{"address":"2001:db8::40/64"}]}}]}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list := cniNetworks([]wire{{a: tt.a, n: Network{Name: "shop_lan", Asked: tt.s}}})
			got, err := cni.List(list[0])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestInterfacesAreNamedOnce: a name of the user's choice is nobody else's.
func TestInterfacesAreNamedOnce(t *testing.T) {
	list := []Attachment{{}, {Interface: "eth0", Named: true}, {}, {Interface: "front", Named: true}, {}}
	nameInterfaces(list)
	var got []string
	for _, a := range list {
		got = append(got, a.Interface)
	}
	if diff := cmp.Diff([]string{"eth1", "eth0", "eth2", "front", "eth3"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestKnowsDriver: what it says is what a link on loopback, which no kernel takes,
// is refused for; and nothing is made of the question.
func TestKnowsDriver(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the kernel answers root alone")
	}
	at := netlink.LinkAttrs{Name: "su-on-lo", ParentIndex: 1}
	for driver, l := range map[string]netlink.Link{
		spec.DriverMacvlan: &netlink.Macvlan{LinkAttrs: at}, spec.DriverIPvlan: &netlink.IPVlan{LinkAttrs: at},
	} {
		err := netlink.LinkAdd(l)
		if err == nil {
			t.Error(driver, "on loopback was made", netlink.LinkDel(l))
		}
		if got := KnowsDriver(driver); got == errors.Is(err, unix.EOPNOTSUPP) {
			t.Errorf("%s is known: %t, but a link ends with %v", driver, got, err)
		}
	}
	if !KnowsDriver(spec.DriverBridge) {
		t.Error("no network at all")
	}
	if _, err := netlink.LinkByName("stackup-none"); err == nil {
		t.Error("a link was made")
	}
}
