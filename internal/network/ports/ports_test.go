package ports

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParse(t *testing.T) {
	tests := []struct {
		file, protocol string
		want           []Socket
	}{
		{"tcp", "tcp", []Socket{
			{netip.MustParseAddr("0.0.0.0"), 8080, "tcp", 4711},
			{netip.MustParseAddr("127.0.0.1"), 631, "tcp", 4712},
		}},
		{"tcp6", "tcp", []Socket{
			{netip.MustParseAddr("::"), 80, "tcp", 4713},
			{netip.MustParseAddr("::1"), 631, "tcp", 4714},
			{netip.MustParseAddr("10.1.2.3"), 9000, "tcp", 4715},
		}},
		{"udp", "udp", []Socket{{netip.MustParseAddr("0.0.0.0"), 53, "udp", 0}}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			f, err := os.Open("testdata/net/" + tt.file)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = f.Close() }()
			got, err := Parse(f, tt.protocol)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseRefusesNonsense(t *testing.T) {
	for _, local := range []string{"0000000Z:1F90", "00000000", "000000:1F90", "00000000:1F9000"} {
		in := "head\n 0: " + local + " 00000000:0000 0A 0:0 0:0 0 0 0 1\n"
		if got, err := Parse(strings.NewReader(in), "tcp"); err == nil {
			t.Errorf("%s: got %v, want an error", local, got)
		}
	}
}

func TestSocketsAndHolders(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	want := netip.MustParseAddrPort(l.Addr().String())
	sockets, err := Proc("/proc").Sockets()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sockets {
		if s.Port == want.Port() && s.Protocol == "tcp" && s.Address == want.Addr() {
			got, err := Proc("/proc").Holders(t.Context(), map[uint64]bool{s.Inode: true})
			if err != nil || !strings.HasPrefix(got[s.Inode], "ports.test (pid ") {
				t.Errorf("holder %q, %v", got[s.Inode], err)
			}
			return
		}
	}
	t.Errorf("%s is not among %v", want, sockets)
}

func TestFree(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := netip.MustParseAddrPort(l.Addr().String()).Port()
	for _, ip := range []string{"", "0.0.0.0", "127.0.0.1"} {
		if Free(Published{HostIP: ip, HostPort: port, Protocol: "tcp"}) {
			t.Errorf("%q: said to be free while listened on", ip)
		}
	}
	if !Free(Published{HostIP: "127.0.0.2", HostPort: port, Protocol: "tcp"}) {
		t.Error("another address is said to be taken")
	}
	_ = l.Close()
	if !Free(Published{HostPort: port, Protocol: "tcp"}) {
		t.Error("said to be taken after it was closed")
	}
}

func use(ip string, port uint16, protocol, holder string) Use {
	a, _ := netip.ParseAddr(ip)
	return Use{HostIP: a, Port: port, Protocol: protocol, Holder: func() string { return holder }}
}

func wish(ip string, lo, hi uint16) Published {
	return Published{HostIP: ip, HostPort: lo, HostPortEnd: hi, Target: 80, Protocol: "tcp"}
}

func TestChoose(t *testing.T) {
	tests := []struct {
		name     string
		wishes   []Published
		previous []Published
		taken    []Use
		want     []uint16
		err      string
	}{
		{name: "fixed and free", wishes: []Published{wish("", 8080, 8080)}, want: []uint16{8080}},
		{name: "old form without range end", wishes: []Published{wish("", 8080, 0)}, want: []uint16{8080}},
		{
			name: "fixed and taken", wishes: []Published{wish("", 8080, 8080)}, taken: []Use{use("0.0.0.0", 8080, "tcp", "nginx (pid 12)")},
			err: "host port 8080/tcp is taken by nginx (pid 12)",
		},
		{
			name: "taken on one address, wished on all", wishes: []Published{wish("", 8080, 8080)}, taken: []Use{use("127.0.0.1", 8080, "tcp", "x (pid 1)")},
			err: "host port 8080/tcp is taken by x (pid 1)",
		},
		{
			name: "taken on all, wished on one", wishes: []Published{wish("127.0.0.1", 8080, 8080)}, taken: []Use{use("", 8080, "tcp", "service web of stack shop")},
			err: "host port 127.0.0.1:8080/tcp is taken by service web of stack shop",
		},
		{name: "the other family", wishes: []Published{wish("0.0.0.0", 8080, 8080), wish("::", 8080, 8080)}, want: []uint16{8080, 8080}},
		{
			name: "taken on all of IPv6", wishes: []Published{wish("fd00::1", 8080, 8080)}, taken: []Use{use("::", 8080, "tcp", "x (pid 1)")},
			err: "host port [fd00::1]:8080/tcp is taken by x (pid 1)",
		},
		{name: "another address", wishes: []Published{wish("127.0.0.1", 8080, 8080)}, taken: []Use{use("127.0.0.2", 8080, "tcp", "x")}, want: []uint16{8080}},
		{name: "another protocol", wishes: []Published{wish("", 8080, 8080)}, taken: []Use{use("", 8080, "udp", "x")}, want: []uint16{8080}},
		{name: "range: first free", wishes: []Published{wish("", 8080, 8082)}, taken: []Use{use("", 8080, "tcp", "x")}, want: []uint16{8081}},
		{name: "range: previous kept", wishes: []Published{wish("", 8080, 8082)}, previous: []Published{wish("", 8082, 8082)}, want: []uint16{8082}},
		{name: "range: previous outside", wishes: []Published{wish("", 8080, 8082)}, previous: []Published{wish("", 9000, 9000)}, want: []uint16{8080}},
		{
			name: "range: all taken", wishes: []Published{wish("", 8080, 8081)}, taken: []Use{use("", 8080, "tcp", "x (pid 1)"), use("", 8081, "tcp", "y (pid 2)")},
			err: "host ports 8080-8081/tcp are all taken: 8080 by x (pid 1)",
		},
		{name: "range shared by two", wishes: []Published{wish("", 8080, 8081), wish("", 8080, 8081)}, want: []uint16{8080, 8081}},
		{name: "random: first", wishes: []Published{wish("", 0, 0)}, want: []uint16{49153}},
		{name: "random: first free", wishes: []Published{wish("", 0, 0)}, taken: []Use{use("", 49153, "tcp", "x")}, want: []uint16{49154}},
		{name: "random: previous kept", wishes: []Published{wish("", 0, 0)}, previous: []Published{wish("", 50000, 50000)}, want: []uint16{50000}},
		{
			name: "random: previous taken", wishes: []Published{wish("", 0, 0)}, previous: []Published{wish("", 50000, 50000)},
			taken: []Use{use("", 50000, "tcp", "x")}, want: []uint16{49153},
		},
		{name: "two random differ", wishes: []Published{wish("", 0, 0), wish("", 0, 0)}, want: []uint16{49153, 49154}},
		{
			name: "same port twice", wishes: []Published{wish("", 80, 80), wish("", 80, 80)},
			err: "host port 80/tcp is taken by container port 80 of the same service",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Choose(tt.wishes, tt.previous, tt.taken)
			var ports []uint16
			for _, p := range got {
				ports = append(ports, p.HostPort)
				if p.HostPortEnd != p.HostPort || p.Target != 80 {
					t.Errorf("result %+v", p)
				}
			}
			msg := ""
			if err != nil {
				msg = err.Error()
			}
			if diff := cmp.Diff(tt.err, msg); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.want, ports); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestChooseRandomExhausted(t *testing.T) {
	var taken []Use
	for p := FirstRandom; p <= LastRandom; p++ {
		taken = append(taken, use("", uint16(p), "tcp", "x"))
	}
	_, err := Choose([]Published{wish("", 0, 0)}, nil, taken)
	want := "no free host port from 49153 to 65535 for container port 80/tcp"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
