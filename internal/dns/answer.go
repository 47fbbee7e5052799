package dns

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// lifetime is how long an answer may be kept, in seconds: replicas come and go.
const lifetime = 1

// ofHosts are the types that are asked about hosts. Others, of a name of one
// label, are about the top domains of the world.
var ofHosts = []uint16{
	dns.TypeA, dns.TypeAAAA, dns.TypeANY, dns.TypeCNAME, dns.TypeHTTPS, dns.TypeSVCB, dns.TypeSRV, dns.TypeMX, dns.TypeTXT,
}

// answer fills in the reply to what the table can tell; ok is false for what
// only others know. A name of one label that nobody has does not exist: who
// wants one of a search domain's has asked for that by its whole name.
func (t *Table) answer(c *client, reply *dns.Msg) (ok bool) {
	q := reply.Question[0]
	name := strings.ToLower(strings.TrimSuffix(q.Name, "."))
	if q.Qclass != dns.ClassINET || name == "" {
		return false
	}
	if q.Qtype == dns.TypePTR {
		return t.reverse(c, name, reply)
	}
	found, known := c.lookup(name)
	switch {
	case known:
	case name == "localhost" || strings.HasSuffix(name, ".localhost"): // RFC 6761 section 6.3
		found = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	case c.ours(name), !strings.Contains(name, ".") && slices.Contains(ofHosts, q.Qtype):
		reply.Rcode = dns.RcodeNameError
	default:
		return false
	}
	reply.Authoritative = true
	reply.Answer = records(q, found)
	return true
}

// records are those of the type that is asked for, in an order by chance: who
// takes the first takes each replica in its turn.
func records(q dns.Question, found []netip.Addr) []dns.RR {
	var out []dns.RR
	for _, a := range found {
		head := dns.RR_Header{Name: q.Name, Class: dns.ClassINET, Ttl: lifetime}
		switch {
		case a.Is4() && (q.Qtype == dns.TypeA || q.Qtype == dns.TypeANY):
			head.Rrtype = dns.TypeA
			out = append(out, &dns.A{Hdr: head, A: a.AsSlice()})
		case a.Is6() && (q.Qtype == dns.TypeAAAA || q.Qtype == dns.TypeANY):
			head.Rrtype = dns.TypeAAAA
			out = append(out, &dns.AAAA{Hdr: head, AAAA: a.AsSlice()})
		}
	}
	rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func (t *Table) reverse(c *client, question string, reply *dns.Msg) (ok bool) {
	a, is := addressIn(question)
	if !is {
		return false
	}
	name, private := t.nameOf(c, a)
	if !private {
		return false
	}
	reply.Authoritative = true
	if name == "" {
		reply.Rcode = dns.RcodeNameError
		return true
	}
	head := dns.RR_Header{Name: reply.Question[0].Name, Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: lifetime}
	reply.Answer = []dns.RR{&dns.PTR{Hdr: head, Ptr: dns.Fqdn(name)}}
	return true
}

// addressIn reads the name by which an address is asked back (RFC 1035 section
// 3.5, RFC 3596 section 2.5).
func addressIn(name string) (netip.Addr, bool) {
	if digits, is := strings.CutSuffix(name, ".in-addr.arpa"); is {
		labels := strings.Split(digits, ".")
		slices.Reverse(labels)
		a, err := netip.ParseAddr(strings.Join(labels, "."))
		return a, err == nil && a.Is4()
	}
	digits, is := strings.CutSuffix(name, ".ip6.arpa")
	labels := strings.Split(digits, ".")
	if !is || len(labels) != 32 {
		return netip.Addr{}, false
	}
	var bytes [16]byte
	for i, l := range labels {
		n, err := strconv.ParseUint(l, 16, 4)
		if err != nil {
			return netip.Addr{}, false
		}
		bytes[15-i/2] |= byte(n << (4 * (i % 2)))
	}
	return netip.AddrFrom16(bytes), true
}
