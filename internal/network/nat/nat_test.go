package nat

import (
	"flag"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "write the golden files anew")

func twoNetworks() []Bridge {
	return []Bridge{
		{Name: "su2222", Subnet: netip.MustParsePrefix("10.210.1.0/24")},
		{Name: "su1111", Subnet: netip.MustParsePrefix("10.210.0.0/24"), Names: []netip.AddrPort{netip.MustParseAddrPort("10.210.0.1:20053")}, Patient: true},
	}
}

func somePorts() []Port {
	to := netip.MustParseAddrPort
	return []Port{
		{HostPort: 8080, Protocol: "tcp", To: to("10.210.0.2:80"), Comment: "shop/web"},
		{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: 8080, Protocol: "tcp", To: to("10.210.0.3:80"), Comment: "shop/admin"},
		{HostIP: netip.MustParseAddr("192.0.2.1"), HostPort: 8080, Protocol: "tcp", To: to("10.210.0.4:80"), Comment: "shop/other"},
		{HostIP: netip.IPv4Unspecified(), HostPort: 53, Protocol: "udp", To: to("10.210.1.2:5353"), Comment: "dns/dns"},
		{HostPort: 443, Protocol: "tcp", To: to("10.210.1.3:8443")},
	}
}

// sixNetworks have IPv6: beside IPv4, alone, without a way out, apart.
func sixNetworks() []Bridge {
	return []Bridge{
		{
			Name: "su3333", Subnet: netip.MustParsePrefix("10.210.3.0/24"), Subnet6: netip.MustParsePrefix("fd00:3::/64"), NoMasquerade: true,
			Names: []netip.AddrPort{netip.MustParseAddrPort("10.210.3.1:20053"), netip.MustParseAddrPort("[fd00:3::1]:20053")}, Patient: true,
		},
		{Name: "su4444", Subnet6: netip.MustParsePrefix("fd00:4::/64"), Apart: true},
		{Name: "su5555", Subnet6: netip.MustParsePrefix("fd00:5::/64"), Internal: true},
	}
}

func sixPorts() []Port {
	to := netip.MustParseAddrPort
	return []Port{
		{HostIP: netip.IPv6Unspecified(), HostPort: 8080, Protocol: "tcp", To: to("[fd00:3::2]:80"), Comment: "shop/web"},
		{HostIP: netip.MustParseAddr("2001:db8::1"), HostPort: 8080, Protocol: "tcp", To: to("[fd00:4::2]:80")},
		{HostIP: netip.IPv6Unspecified(), HostPort: 53, Protocol: "udp", To: to("[fd00:3::3]:53")},
	}
}

func TestRenderGolden(t *testing.T) {
	tests := []struct {
		name    string
		bridges []Bridge
		ports   []Port
	}{
		{"empty", nil, somePorts()},
		{"network", twoNetworks()[:1], nil},
		{"ports", twoNetworks(), somePorts()},
		{"families", append(twoNetworks(), sixNetworks()...), append(somePorts(), sixPorts()...)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Render("stackup", tt.bridges, tt.ports).String()
			path := "testdata/" + tt.name + ".nft"
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
			slices.Reverse(tt.bridges)
			slices.Reverse(tt.ports)
			if diff := cmp.Diff(got, Render("stackup", tt.bridges, tt.ports).String()); diff != "" {
				t.Errorf("order of arguments matters: %s", diff)
			}
		})
	}
}

// TestKernelAgreesWithText: a ruleset that we swap in by netlink lists as nft
// lists the same one loaded from our text.
func TestKernelAgreesWithText(t *testing.T) {
	freshNamespace(t)
	r := Render("stackup", twoNetworks(), somePorts())
	var k Kernel
	defer func() { _ = k.Close() }()
	for range 2 { // once absent, once there
		if err := k.Swap(r); err != nil {
			t.Fatal(err)
		}
	}
	byNetlink := nft(t, "", "list", "ruleset")
	if err := k.Swap(Ruleset{Table: "stackup"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("", nft(t, "", "list", "ruleset")); diff != "" {
		t.Errorf("left after removal: %s", diff)
	}
	nft(t, r.String(), "-f", "-")
	if diff := cmp.Diff(nft(t, "", "list", "ruleset"), byNetlink); diff != "" {
		t.Errorf("-text +netlink:\n%s", diff)
	}
}

// freshNamespace puts the test's thread into a new network namespace; the
// thread ends with the test.
func freshNamespace(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("needs the nft program")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		t.Skipf("needs the right to make network namespaces: %v", err)
	}
}

func nft(t *testing.T, in string, args ...string) string {
	t.Helper()
	cmd := exec.Command("nft", args...)
	cmd.Stdin = strings.NewReader(in)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("nft %v: %v: %s", args, err, out)
	}
	return string(out)
}
