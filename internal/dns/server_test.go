package dns

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stackup.dev/stackup/internal/dev/slowness"
)

// upstream is another server, on loopback.
type upstream struct {
	netip.AddrPort
	asked atomic.Int32
}

// untilFree listens again where the port that the kernel has chosen for UDP is
// somebody else's in TCP.
func untilFree(listen func() error) (err error) {
	for range 20 {
		if err = listen(); err == nil || !strings.Contains(err.Error(), "address already in use") {
			return err
		}
	}
	return err
}

func startUpstream(t testing.TB, at string, h dns.HandlerFunc) *upstream {
	t.Helper()
	u := &upstream{}
	var l *listener
	err := untilFree(func() (err error) {
		l, err = listen(t.Context(), Socket{Address: netip.MustParseAddrPort(at)}, dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
			u.asked.Add(1)
			h(w, q)
		}))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	u.AddrPort = netip.MustParseAddrPort(l.address().String())
	return u
}

// says is a server that knows one address for every name.
func says(rcode int, address string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetRcode(q, rcode)
		if rcode == dns.RcodeSuccess {
			rr, _ := dns.NewRR(q.Question[0].Name + " 60 IN A " + address)
			m.Answer = append(m.Answer, rr)
		}
		_ = w.WriteMsg(m)
	}
}

func silence(dns.ResponseWriter, *dns.Msg) {}

// serveShop answers for a network on loopback, to clients at 127.0.0.1, which
// is a container of that network.
func serveShop(t testing.TB, replicas int, resolvConf string) (s *Server, at string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte(resolvConf), 0o600); err != nil {
		t.Fatal(err)
	}
	s = NewServer(slog.New(slog.DiscardHandler), path)
	t.Cleanup(s.Close)
	members := []Member{{Name: "shop-web-1", Answers: true, At: []Place{place("shop_default", "127.0.0.1", "web")}}}
	for i := range replicas {
		members = append(members, Member{Name: fmt.Sprint("shop-db-", i), Answers: true, At: []Place{place("shop_default", fmt.Sprintf("10.0.%d.%d", i/250, 2+i%250), "db")}})
	}
	table := NewTable([]Network{{Name: "shop_default"}}, members)
	k := Socket{Network: "shop_default", Address: netip.MustParseAddrPort("127.0.0.1:0")}
	if err := untilFree(func() error { return s.Set(table, []Socket{k}) }); err != nil {
		t.Fatal(err)
	}
	return s, s.open[k].address().String()
}

func exchangeOver(t testing.TB, transport, at, name string, size uint16) *dns.Msg {
	t.Helper()
	q := new(dns.Msg).SetQuestion(name, dns.TypeA)
	if size > 0 {
		q.SetEdns0(size, false)
	}
	c := dns.Client{Net: transport, Timeout: 5 * time.Second}
	reply, _, err := c.Exchange(q, at)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func TestServesBothTransports(t *testing.T) {
	_, at := serveShop(t, 2, "")
	for _, transport := range []string{"udp", "tcp"} {
		reply := exchangeOver(t, transport, at, "db.", 0)
		if got := said(reply); !slices.Equal(got, []string{"10.0.0.2", "10.0.0.3"}) || !reply.Authoritative || !reply.RecursionAvailable || reply.IsEdns0() != nil {
			t.Errorf("%s: %v\n%v", transport, got, reply)
		}
	}
}

func TestManyReplicas(t *testing.T) {
	_, at := serveShop(t, 200, "")
	if r := exchangeOver(t, "udp", at, "db.", 0); !r.Truncated || sizeOf(r) > 512 {
		t.Errorf("without EDNS: %d bytes, cut off %t", sizeOf(r), r.Truncated)
	}
	if r := exchangeOver(t, "udp", at, "db.", 4096); !r.Truncated || sizeOf(r) > largest || len(r.Answer) < 50 || r.IsEdns0() == nil {
		t.Errorf("with EDNS: %d answers, cut off %t", len(r.Answer), r.Truncated)
	}
	if r := exchangeOver(t, "tcp", at, "db.", 0); r.Truncated || len(r.Answer) != 200 {
		t.Errorf("over TCP: %d answers, cut off %t", len(r.Answer), r.Truncated)
	}
}

// sizeOf is what a reply takes on the wire, where names are not repeated.
func sizeOf(m *dns.Msg) int {
	m.Compress = true
	return m.Len()
}

func TestUnknownEDNSVersion(t *testing.T) {
	s, _ := serveShop(t, 1, "")
	q := new(dns.Msg).SetQuestion("db.", dns.TypeA).SetEdns0(1232, false)
	q.IsEdns0().SetVersion(1)
	if r := s.reply(q, "udp", "shop_default", netip.Addr{}); r.Rcode != dns.RcodeBadVers || r.IsEdns0() == nil {
		t.Errorf("%v", r)
	}
}

// TestForward: the first server that has a good answer gives it, and the
// question goes on at once where one cannot, or will not.
func TestForward(t *testing.T) {
	good := startUpstream(t, "127.53.0.1:0", says(dns.RcodeSuccess, "192.0.2.7"))
	port := fmt.Sprint(good.Port())
	startUpstream(t, "127.53.0.2:"+port, says(dns.RcodeServerFailure, ""))
	startUpstream(t, "127.53.0.3:"+port, silence)
	startUpstream(t, "127.53.0.4:"+port, says(dns.RcodeNameError, ""))
	tests := []struct {
		what, conf string
		want       []string
		within     time.Duration
	}{
		{"the one there is", "nameserver 127.53.0.1", []string{"192.0.2.7"}, stagger},
		{"the first has failed", "nameserver 127.53.0.2\nnameserver 127.53.0.1", []string{"192.0.2.7"}, stagger},
		{"nobody listens at the first", "nameserver 127.53.0.9\nnameserver 127.53.0.1", []string{"192.0.2.7"}, stagger},
		{"the first is silent", "nameserver 127.53.0.3\nnameserver 127.53.0.1", []string{"192.0.2.7"}, 2 * stagger},
		{"no such name is an answer", "nameserver 127.53.0.4\nnameserver 127.53.0.1", []string{"NXDOMAIN"}, stagger},
		{"all have failed", "nameserver 127.53.0.2\nnameserver 127.53.0.9", []string{"SERVFAIL"}, stagger},
		{"nobody is there", "nameserver 127.53.0.9", []string{"SERVFAIL"}, stagger},
	}
	for _, tt := range tests {
		for _, transport := range []string{"udp", "tcp"} {
			t.Run(tt.what+"/"+transport, func(t *testing.T) {
				s, at := serveShop(t, 1, tt.conf)
				s.forward.port = good.Port()
				begin := slowness.Given()
				reply := exchangeOver(t, transport, at, "example.com.", 0)
				if got := said(reply); !slices.Equal(got, tt.want) {
					t.Errorf("%v, want %v", got, tt.want)
				}
				if took := slowness.Given() - begin; took > tt.within {
					t.Errorf("took %s, want at most %s", took, tt.within)
				}
			})
		}
	}
}

func TestOursAreNotForwarded(t *testing.T) {
	u := startUpstream(t, "127.53.0.1:0", says(dns.RcodeSuccess, "192.0.2.7"))
	s, at := serveShop(t, 1, "nameserver 127.53.0.1")
	s.forward.port = u.Port()
	for _, name := range []string{"nobody.", "nobody.shop_default.", "db.", "db.shop_default."} {
		exchangeOver(t, "udp", at, name, 0)
	}
	if n := u.asked.Load(); n != 0 {
		t.Errorf("%d questions for names of the stack's were forwarded", n)
	}
}

func TestResolvConfIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	c := conf{path: path}
	for text, want := range map[string]string{
		"nameserver 192.0.2.1\n# nameserver 192.0.2.2\nnameserver 2001:db8::1\n": "[192.0.2.1 2001:db8::1]",
		"search lan\n":            "[127.0.0.1]",
		"nameserver 127.0.0.53\n": "[127.0.0.53]",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(c.get()); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestSocketsFollow: sockets come and go with their networks, and one that
// cannot be had is told of once.
func TestSocketsFollow(t *testing.T) {
	s, at := serveShop(t, 1, "")
	var log strings.Builder
	s.Log = slog.New(slog.NewTextHandler(&log, nil))
	taken := Socket{Network: "other", Address: netip.MustParseAddrPort(at)}
	old := slices.Collect(func(yield func(Socket) bool) {
		for k := range s.open {
			yield(k)
		}
	})
	for range 3 {
		if err := s.Set(s.table.Load(), append(old, taken)); err == nil {
			t.Fatal("two at one address")
		}
	}
	if n := strings.Count(log.String(), "hosts files alone"); n != 1 {
		t.Errorf("told %d times:\n%s", n, &log)
	}
	if err := s.Set(s.table.Load(), []Socket{taken}); err != nil {
		t.Errorf("once the other one is gone: %v", err)
	}
	exchangeOver(t, "udp", at, "db.", 0)
	s.Close()
	c := dns.Client{Timeout: time.Second}
	if _, _, err := c.Exchange(new(dns.Msg).SetQuestion("db.", dns.TypeA), at); err == nil {
		t.Error("it answers after its end")
	}
}

// BenchmarkLocal is the rate of questions for names of the stack, with what the
// slowest of a hundred takes.
func BenchmarkLocal(b *testing.B) {
	_, at := serveShop(b, 3, "")
	rate(b, at, "db.")
}

// BenchmarkForwarded is that for names of the world, by a resolver on loopback.
func BenchmarkForwarded(b *testing.B) {
	u := startUpstream(b, "127.53.0.1:0", says(dns.RcodeSuccess, "192.0.2.7"))
	s, at := serveShop(b, 1, "nameserver 127.53.0.1")
	s.forward.port = u.Port()
	rate(b, at, "example.com.")
}

func rate(b *testing.B, at, name string) {
	var mu sync.Mutex
	var all []time.Duration
	begin := time.Now()
	b.RunParallel(func(pb *testing.PB) {
		conn, err := dns.Dial("udp", at)
		if err != nil {
			b.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		var mine []time.Duration
		var c dns.Client
		for pb.Next() {
			start := time.Now()
			if _, _, err := c.ExchangeWithConn(new(dns.Msg).SetQuestion(name, dns.TypeA), conn); err != nil {
				b.Error(err)
				return
			}
			mine = append(mine, time.Since(start))
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, mine...)
	})
	b.ReportMetric(float64(len(all))/time.Since(begin).Seconds(), "questions/s")
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
}
