package ipam

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func prefixes(in ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range in {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func TestFreeSubnet(t *testing.T) {
	tests := []struct {
		name  string
		taken []string
		want  string
	}{
		{"nothing taken", nil, "10.210.0.0/24"},
		{"default route is no obstacle", []string{"0.0.0.0/0"}, "10.210.0.0/24"},
		{"recorded networks are skipped", []string{"10.210.0.0/24", "10.210.1.0/24"}, "10.210.2.0/24"},
		{"gaps are used again", []string{"10.210.0.0/24", "10.210.2.0/24"}, "10.210.1.0/24"},
		{"single address inside", []string{"10.210.0.77/32"}, "10.210.1.0/24"},
		{"small route inside", []string{"10.210.0.128/30"}, "10.210.1.0/24"},
		{"wider route over the start", []string{"10.210.0.0/20"}, "10.210.16.0/24"},
		{"first pool gone", []string{"10.210.0.0/16"}, "10.211.0.0/24"},
		{"vpn routes all of 10/8", []string{"10.0.0.0/8"}, "172.29.0.0/24"},
		{"only the last pool is left", []string{"10.0.0.0/8", "172.16.0.0/12"}, "192.168.208.0/24"},
		{"unmasked interface address", []string{"10.210.0.1/24"}, "10.210.1.0/24"},
		{"IPv6 does not matter", []string{"fd00::/8"}, "10.210.0.0/24"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := FreeSubnet(Pools(), prefixes(tt.taken...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFreeSubnetNoneLeft(t *testing.T) {
	_, err := FreeSubnet(Pools(), prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
	if !errors.Is(err, ErrNoSubnet) {
		t.Errorf("got %v, want ErrNoSubnet", err)
	}
}

func TestFreeSubnetHandsOutWholePoolOnce(t *testing.T) {
	pool := prefixes("10.9.0.0/22")
	var taken []netip.Prefix
	for {
		s, err := FreeSubnet(pool, taken)
		if err != nil {
			break
		}
		taken = append(taken, s)
	}
	if diff := cmp.Diff(prefixes("10.9.0.0/24", "10.9.1.0/24", "10.9.2.0/24", "10.9.3.0/24"), taken,
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestFreeAddressFillsSubnet(t *testing.T) {
	subnet := netip.MustParsePrefix("10.210.3.0/29")
	used := map[netip.Addr]bool{}
	var got []string
	for {
		a, err := FreeAddress("shop_default", subnet, subnet, Gateway(subnet), used)
		if err != nil {
			want := "subnet 10.210.3.0/29 of network shop_default is full (5 of 5 addresses used)"
			if diff := cmp.Diff(want, err.Error()); diff != "" {
				t.Error(diff)
			}
			break
		}
		used[a.Addr()] = true
		got = append(got, a.String())
	}
	want := []string{"10.210.3.2/29", "10.210.3.3/29", "10.210.3.4/29", "10.210.3.5/29", "10.210.3.6/29"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFreeAddressTakesFreedOne(t *testing.T) {
	subnet := netip.MustParsePrefix("10.210.3.0/24")
	used := map[netip.Addr]bool{netip.MustParseAddr("10.210.3.2"): true, netip.MustParseAddr("10.210.3.4"): true}
	got, err := FreeAddress("n", subnet, subnet, Gateway(subnet), used)
	if err != nil || got.String() != "10.210.3.3/24" {
		t.Errorf("got %v, %v; want 10.210.3.3/24", got, err)
	}
}

func TestFreeAddressOfARange(t *testing.T) {
	subnet, within := netip.MustParsePrefix("10.210.3.0/24"), netip.MustParsePrefix("10.210.3.128/30")
	used := map[netip.Addr]bool{netip.MustParseAddr("10.210.3.129"): true}
	for _, want := range []string{"10.210.3.128/24", "10.210.3.130/24", "10.210.3.131/24"} {
		got, err := FreeAddress("n", subnet, within, Gateway(subnet), used)
		if err != nil || got.String() != want {
			t.Fatalf("got %v, %v; want %s", got, err, want)
		}
		used[got.Addr()] = true
	}
	_, err := FreeAddress("n", subnet, within, Gateway(subnet), used)
	if want := "subnet 10.210.3.128/30 of network n is full (4 of 4 addresses used)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestIPv6(t *testing.T) {
	pool := Pool6([]byte("a machine"))
	if pool == Pool6([]byte("another")) || pool.Bits() != 48 || !netip.MustParsePrefix("fd00::/8").Contains(pool.Addr()) {
		t.Errorf("pool %s", pool)
	}
	first, err := FreeSubnet([]netip.Prefix{pool}, prefixes("10.0.0.0/8", "fe80::/64"))
	if err != nil || first.Addr() != pool.Addr() || first.Bits() != 64 {
		t.Fatalf("got %s, %v", first, err)
	}
	second, err := FreeSubnet([]netip.Prefix{pool}, []netip.Prefix{first})
	if err != nil || second.Overlaps(first) || !pool.Overlaps(second) {
		t.Errorf("got %s, %v", second, err)
	}
	gw := Gateway(first, first.Addr().Next())
	if gw != first.Addr().Next().Next() {
		t.Errorf("gateway %s: the first is kept for another", gw)
	}
	got, err := FreeAddress("n", first, first, gw, nil)
	if err != nil || got.Addr() != first.Addr().Next() {
		t.Errorf("got %s, %v", got, err)
	}
	if Size(first) < 1<<20 || MAC(got.Addr()) != "02:74:00:00:00:01" {
		t.Errorf("size %d, MAC %s", Size(first), MAC(got.Addr()))
	}
}

func TestMAC(t *testing.T) {
	if diff := cmp.Diff("02:73:0a:d2:03:10", MAC(netip.MustParseAddr("10.210.3.16"))); diff != "" {
		t.Error(diff)
	}
}
