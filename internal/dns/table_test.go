package dns

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

func addrs(texts ...string) (out []netip.Addr) {
	for _, t := range texts {
		out = append(out, netip.MustParseAddr(t))
	}
	return out
}

func place(network, address string, names ...string) Place {
	return Place{Network: network, Names: names, Addresses: addrs(address)}
}

// shop is a stack on two networks, beside another one's.
func shop() *Table {
	both := place("shop_front", "10.0.0.3", "api", "API-1")
	both.Addresses = addrs("10.0.0.3", "fd00::3")
	prefix := netip.MustParsePrefix
	return NewTable([]Network{
		{Name: "shop_front", Subnets: []netip.Prefix{prefix("10.0.0.0/24"), prefix("fd00::/64")}},
		{Name: "shop_back", Subnets: []netip.Prefix{prefix("10.0.1.0/24")}, Internal: true},
		{Name: "lan", Subnets: []netip.Prefix{prefix("10.0.9.0/24")}},
	}, []Member{
		{Name: "shop-web-1", Answers: true, At: []Place{place("shop_front", "10.0.0.2", "web")}, Servers: addrs("192.0.2.53")},
		{Name: "shop-api-1", Answers: true, At: []Place{both, place("shop_back", "10.0.1.3", "api", "backend")}},
		{Name: "shop-db-1", Answers: true, At: []Place{place("shop_back", "10.0.1.4", "db")}, Servers: addrs("10.0.1.9", "192.0.2.53")},
		{Name: "shop-db-2", Answers: true, At: []Place{place("shop_back", "10.0.1.5", "db")}},
		{Name: "shop-db-3", At: []Place{place("shop_back", "10.0.1.6", "db", "db-3")}},
		{Name: "x-web-1", Answers: true, At: []Place{place("lan", "10.0.9.2", "web", "my.web")}},
		{Name: "gone", Answers: true, At: []Place{place("nowhere", "10.0.8.2", "gone")}},
	})
}

func TestAnswer(t *testing.T) {
	const forwarded = "forwarded"
	tests := []struct {
		what          string
		network, from string
		name          string
		kind          uint16
		want          []string // sorted; one word in capitals for no address
	}{
		{"a service", "shop_front", "10.0.0.2", "api.", dns.TypeA, []string{"10.0.0.3"}},
		{"in capitals", "shop_front", "10.0.0.2", "Api-1.", dns.TypeA, []string{"10.0.0.3"}},
		{"its IPv6", "shop_front", "10.0.0.2", "api.", dns.TypeAAAA, []string{"fd00::3"}},
		{"asked by IPv6 of all networks", "shop_front", "fd00::3", "db.", dns.TypeA, []string{"10.0.1.4", "10.0.1.5"}},
		{"with the network's name", "shop_front", "10.0.0.2", "api.SHOP_front.", dns.TypeA, []string{"10.0.0.3"}},
		{"one of two networks", "shop_back", "10.0.1.4", "api.", dns.TypeA, []string{"10.0.1.3"}},
		{"both networks", "shop_back", "10.0.1.3", "api.", dns.TypeA, []string{"10.0.0.3", "10.0.1.3"}},
		{"a name with a dot", "lan", "10.0.9.2", "my.web.", dns.TypeA, []string{"10.0.9.2"}},
		{"no such type", "shop_back", "10.0.1.4", "db.", dns.TypeAAAA, nil},
		{"nobody answers", "shop_back", "10.0.1.4", "db-3.", dns.TypeA, nil},
		{"not on its network", "shop_front", "10.0.0.2", "db.", dns.TypeA, []string{"NXDOMAIN"}},
		{"not by the network's name either", "shop_front", "10.0.0.2", "db.shop_back.", dns.TypeA, []string{forwarded}},
		{"not on a named network", "shop_front", "10.0.0.2", "nobody.shop_front.", dns.TypeA, []string{"NXDOMAIN"}},
		{"a network that may be a domain", "lan", "10.0.9.2", "nobody.lan.", dns.TypeA, []string{forwarded}},
		{"somebody unknown", "shop_front", "10.0.0.99", "api.", dns.TypeA, []string{"10.0.0.3"}},
		{"nobody", "shop_front", "10.0.0.2", "nobody.", dns.TypeA, []string{"NXDOMAIN"}},
		{"a top domain", "shop_front", "10.0.0.2", "com.", dns.TypeNS, []string{forwarded}},
		{"the root", "shop_front", "10.0.0.2", ".", dns.TypeNS, []string{forwarded}},
		{"the world", "shop_front", "10.0.0.2", "example.com.", dns.TypeA, []string{forwarded}},
		{"localhost", "shop_front", "10.0.0.2", "localhost.", dns.TypeA, []string{"127.0.0.1"}},
		{"back", "shop_front", "10.0.0.2", "3.0.0.10.in-addr.arpa.", dns.TypePTR, []string{"shop-api-1.shop_front."}},
		{"back by IPv6", "shop_front", "10.0.0.2", "3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa.", dns.TypePTR, []string{"shop-api-1.shop_front."}},
		{"back to who is silent", "shop_back", "10.0.1.4", "6.1.0.10.in-addr.arpa.", dns.TypePTR, []string{"NXDOMAIN"}},
		{"back to another network", "shop_front", "10.0.0.2", "4.1.0.10.in-addr.arpa.", dns.TypePTR, []string{"NXDOMAIN"}},
		{"back to the world", "shop_front", "10.0.0.2", "1.2.0.192.in-addr.arpa.", dns.TypePTR, []string{forwarded}},
		{"back to nonsense", "shop_front", "10.0.0.2", "1.2.in-addr.arpa.", dns.TypePTR, []string{forwarded}},
	}
	table := shop()
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			reply := new(dns.Msg).SetReply(new(dns.Msg).SetQuestion(tt.name, tt.kind))
			got := []string{forwarded}
			if table.answer(table.client(tt.network, netip.MustParseAddr(tt.from)), reply) {
				got = said(reply)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// said is what a reply says, in order of the alphabet.
func said(m *dns.Msg) (out []string) {
	for _, rr := range m.Answer {
		switch r := rr.(type) {
		case *dns.A:
			out = append(out, r.A.String())
		case *dns.AAAA:
			out = append(out, r.AAAA.String())
		case *dns.PTR:
			out = append(out, r.Ptr)
		}
	}
	if m.Rcode != dns.RcodeSuccess {
		out = append(out, dns.RcodeToString[m.Rcode])
	}
	slices.Sort(out)
	return out
}

func TestEveryReplicaComesFirst(t *testing.T) {
	table := shop()
	first := map[string]int{}
	for range 100 {
		reply := new(dns.Msg).SetReply(new(dns.Msg).SetQuestion("db.", dns.TypeA))
		table.answer(table.client("shop_back", netip.MustParseAddr("10.0.1.3")), reply)
		first[reply.Answer[0].(*dns.A).A.String()]++
	}
	if first["10.0.1.4"] < 20 || first["10.0.1.5"] < 20 {
		t.Errorf("who came first of 100 times: %v", first)
	}
}

func TestUpstream(t *testing.T) {
	machine := func() []netip.Addr { return addrs("198.51.100.1") }
	tests := []struct {
		what, network, from string
		want                []netip.Addr
	}{
		{"the machine's", "lan", "10.0.9.2", addrs("198.51.100.1")},
		{"its own", "shop_front", "10.0.0.2", addrs("192.0.2.53")},
		{"of one with a way out", "shop_back", "10.0.1.3", addrs("198.51.100.1")},
		{"no way out", "shop_back", "10.0.1.5", nil},
		{"its own that is inside", "shop_back", "10.0.1.4", addrs("10.0.1.9")},
	}
	table := shop()
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			got := table.client(tt.network, netip.MustParseAddr(tt.from)).upstream(machine)
			if !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
