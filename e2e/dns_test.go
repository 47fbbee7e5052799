//go:build e2e

package e2e

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// withResolver gives the world a resolver on the host's loopback, where no
// container reaches it. It knows one address for each name under "test", and no
// other name; search domains are none.
func (w *world) withResolver() {
	w.t.Helper()
	const at = "127.53.0.1"
	w.resolver(at, "192.0.2.77")
	path := filepath.Join(w.dir, "resolv.conf")
	check(w.t, os.WriteFile(path, []byte("nameserver "+at+"\n"), 0o644))
	w.env = append(w.env, "STACKUP_RESOLV_CONF="+path)
}

// resolver is one that listens at an address of the host's.
func (w *world) resolver(at, answer string) {
	w.t.Helper()
	h := dns.HandlerFunc(func(rw dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetRcode(q, dns.RcodeNameError)
		if name := q.Question[0].Name; strings.HasSuffix(name, ".test.") {
			m.Rcode = dns.RcodeSuccess
			if rr, err := dns.NewRR(name + " 60 IN A " + answer); err == nil && q.Question[0].Qtype == dns.TypeA {
				m.Answer = append(m.Answer, rr)
			}
		}
		_ = rw.WriteMsg(m)
	})
	for _, transport := range []string{"udp", "tcp"} {
		ready := make(chan error, 1)
		s := &dns.Server{Addr: net.JoinHostPort(at, "53"), Net: transport, Handler: h, NotifyStartedFunc: func() { ready <- nil }}
		go func() { ready <- s.ListenAndServe() }()
		check(w.t, <-ready)
		w.t.Cleanup(func() { _ = s.Shutdown() })
	}
}

var answerLine = regexp.MustCompile(`(?m)^(?:Address(?: \d+)?: |\S+\tname = )(\S+)$`)

// lookUp returns what a container hears when it asks for a name by DNS, past its
// hosts file, in the order in which it comes; and how long it took.
func (s *shell) lookUp(kind, name string) (answers []string, r result) {
	s.t.Helper()
	command := "nslookup -type=" + kind + " " + name
	if kind == "ptr" {
		command = "nslookup " + name // it asks for an address back by itself
	}
	r = s.run(command)
	_, text, _ := strings.Cut(r.out, "\n\n") // who has been asked comes before
	for _, m := range answerLine.FindAllStringSubmatch(text, -1) {
		answers = append(answers, m[1])
	}
	if strings.Contains(r.out, "NXDOMAIN") {
		answers = append(answers, "NXDOMAIN")
	}
	return answers, r
}

// resolves waits until it is so: what outlives the command starts beside it.
func (s *shell) resolves(kind, name string, want ...string) {
	s.t.Helper()
	want = slices.Sorted(slices.Values(want))
	var got []string
	var r result
	limit := within(10 * time.Second)
	for {
		got, r = s.lookUp(kind, name)
		if slices.Sort(got); slices.Equal(got, want) {
			return
		}
		if limit.passed() {
			s.t.Errorf("%s asks for %s (%s): %v, want %v\n%s", s.service, name, kind, got, want, r.out)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Intent: a container asks for names by DNS as with Docker: neighbours by all
// their names, and the world by the host's resolvers, also one that listens on
// the host's loopback; and nobody learns of networks that it is not on.
func TestNamesByDNS(t *testing.T) {
	w := newWorld(t, slowly())
	w.withResolver()
	w.file("stack.yaml", `
services:
  web: {image: stackup.test/busybox:1, networks: [front], stop_grace_period: 0s}
  api: {image: stackup.test/busybox:1, networks: {front: {aliases: [backend]}, back: {}}, stop_grace_period: 0s}
  db: {image: stackup.test/busybox:1, container_name: the-db, networks: [back], stop_grace_period: 0s}
  six: {image: stackup.test/busybox:1, networks: [both], stop_grace_period: 0s}
  alone: {image: stackup.test/busybox:1, networks: [alone], stop_grace_period: 0s}
networks:
  front: {}
  back: {internal: true}
  alone: {enable_ipv4: false, enable_ipv6: true, ipam: {config: [{subnet: fd00:5a:2::/64}]}}
  both: {enable_ipv6: true, ipam: {config: [{subnet: fd00:5a:1::/64}]}}
`)
	w.must("up", "-d")
	web := w.shell("web")
	api := w.shell("api")
	db := w.shell("db")
	six := w.shell("six")
	alone := w.shell("alone")
	ps := w.ps()
	at := func(service, network string) string { return ps[service+".1"].Addresses["shop_"+network] }
	web.resolves("a", "api", at("api", "front"))
	web.resolves("a", "backend", at("api", "front"))
	web.resolves("a", "shop-api-1", at("api", "front"))
	web.resolves("a", "api.shop_front", at("api", "front"))
	web.resolves("ptr", at("api", "front"), "shop-api-1.shop_front")
	db.resolves("a", "api", at("api", "back"))
	api.resolves("a", "the-db", at("db", "back")) // of the second of its networks
	api.resolves("a", "web", at("web", "front"))
	six.resolves("aaaa", "six", "fd00:5a:1::2")
	alone.resolves("aaaa", "alone", "fd00:5a:2::2")
	alone.resolves("a", "some.test", "192.0.2.77")

	web.resolves("a", "some.test", "192.0.2.77")
	api.resolves("a", "some.test", "192.0.2.77")
	if got, r := db.lookUp("a", "some.test"); r.code == 0 {
		t.Errorf("a way out of an internal network: %v\n%s", got, r.out)
	}
	web.resolves("a", "some.where", "NXDOMAIN")

	// Neither what nobody has, nor what others have, keeps anybody waiting.
	for _, name := range []string{"nobody", "db", "the-db", "nobody.shop_front"} {
		got, r := web.lookUp("a", name)
		if !slices.Equal(got, []string{"NXDOMAIN"}) || r.took > allow(time.Second) { // no more than a resolver waits
			t.Errorf("web asks for %s: %v after %s\n%s", name, got, r.took, r.out)
		}
	}
	web.resolves("ptr", at("db", "back"), "NXDOMAIN")
	for _, port := range []string{"53", "20053"} {
		gateway := regexp.MustCompile(`\d+$`).ReplaceAllString(at("api", "front"), "1:") + port
		if r := six.run("nslookup -type=a api " + gateway); r.code == 0 {
			t.Errorf("who is not on front hears at %s:\n%s", gateway, r.out)
		}
	}
	w.must("down")
}

// Intent: replicas take turns; one that is unhealthy, or has ended, is found by
// nobody until it is well again, by DNS and by hosts files alike.
func TestReplicasByDNS(t *testing.T) {
	w := newWorld(t, slowly())
	w.file("stack.yaml", `
services:
  web: {image: stackup.test/busybox:1, stop_grace_period: 0s}
  job: {image: stackup.test/busybox:1, command: [sh, -c, "while [ ! -e /tmp/end ]; do sleep 0.1; done"], stop_grace_period: 0s}
  db:
    image: stackup.test/busybox:1
    deploy: {replicas: 3}
    healthcheck: {test: "test ! -e /tmp/sick", interval: 200ms, retries: 1}
    stop_grace_period: 0s
`)
	w.must("up", "-d", "--wait")
	web := w.shell("web")
	ps := w.ps()
	all := []string{addressOf(t, ps["db.1"]), addressOf(t, ps["db.2"]), addressOf(t, ps["db.3"])}
	web.resolves("a", "db", all...)
	first := map[string]bool{}
	for range 60 {
		got, _ := web.lookUp("a", "db")
		if len(got) > 0 {
			first[got[0]] = true
		}
		if len(first) == 3 {
			break
		}
	}
	if len(first) != 3 {
		t.Errorf("first of 60 answers were only %v of %v", first, all)
	}
	w.must("exec", "-T", "--index", "2", "db", "touch", "/tmp/sick")
	web.resolves("a", "db", all[0], all[2])
	web.resolves("a", "shop-db-2") // it is known, and nobody is there
	if got := w.hostsEntries("web", "db"); slices.Contains(got, all[1]) || len(got) != 2 {
		t.Errorf("web's hosts file has db at %v, and %s is unhealthy", got, all[1])
	}
	w.must("exec", "-T", "--index", "2", "db", "sh", "-c", "busybox rm /tmp/sick")
	web.resolves("a", "db", all...)
	if got := w.hostsEntries("web", "db"); len(got) != 3 {
		t.Errorf("web's hosts file has db at %v, want three", got)
	}
	web.resolves("a", "job", addressOf(t, ps["job.1"]))
	w.must("exec", "-T", "job", "touch", "/tmp/end")
	web.resolves("a", "job")
	if got := w.hostsEntries("web", "job"); len(got) != 0 {
		t.Errorf("web's hosts file has job, which has ended, at %v", got)
	}
	w.must("down")
}

// Intent: the one who answers may die at any moment. Names of the stack go on
// by hosts files, and all others are answered by its successor.
func TestNamesSurviveTheSupervisor(t *testing.T) {
	w := newWorld(t)
	w.withResolver()
	w.file("stack.yaml", `
services:
  web: {image: stackup.test/busybox:1, stop_grace_period: 0s}
  db: {image: stackup.test/busybox:1, stop_grace_period: 0s}
`)
	w.must("up", "-d")
	web := w.shell("web")
	web.resolves("a", "some.test", "192.0.2.77")
	db := addressOf(t, w.ps()["db.1"])
	for _, ask := range []string{"nslookup some.test", byTCP} {
		pid := w.helper("supervisor")
		check(t, syscall.Kill(pid, syscall.SIGKILL))
		if got := w.hostsEntries("web", "db"); !slices.Equal(got, []string{db}) {
			t.Errorf("without supervisor db is at %v, want %s", got, db)
		}
		begin := time.Now()
		if r := web.run(ask); !strings.Contains(r.out, "192.0.2.77") && !strings.Contains(r.out, "c0 00 02 4d") { // the one question, asked again at most
			t.Errorf("a question without supervisor: %s: exit %d\n%s", ask, r.code, r.out)
		}
		web.resolves("a", "some.test", "192.0.2.77")
		web.resolves("a", "db", db)
		t.Logf("answered again after %s", time.Since(begin))
	}
	w.must("down")
}

// byTCP asks for some.test's address by a connection (RFC 1035 section 4.2.2), and
// shows the answer as bytes.
const byTCP = `printf '\000\033\000\001\001\000\000\001\000\000\000\000\000\000\004some\004test\000\000\001\000\001' |
nc -w 5 $(busybox awk '/^nameserver/ {print $2; exit}' /etc/resolv.conf) 53 | busybox od -An -tx1 -w64`

// Intent: a service's own servers are asked in the place of the host's, and its
// neighbours are found all the same.
func TestOwnServersByDNS(t *testing.T) {
	w := newWorld(t)
	w.withResolver()
	own := hostAddresses(t)[0]
	w.resolver(own, "192.0.2.88")
	w.file("stack.yaml", `
services:
  web: {image: stackup.test/busybox:1, dns: [`+own+`], stop_grace_period: 0s}
  db: {image: stackup.test/busybox:1, stop_grace_period: 0s}
`)
	w.must("up", "-d")
	web := w.shell("web")
	db := w.shell("db")
	web.resolves("a", "own.test", "192.0.2.88")
	web.resolves("a", "db", addressOf(t, w.ps()["db.1"]))
	db.resolves("a", "own.test", "192.0.2.77")
	w.must("down")
}

// Intent: a program of the host's that has the port of all addresses stops
// nothing: names go on by hosts files.
func TestNamesBesideAnotherServer(t *testing.T) {
	w := newWorld(t, only(embedded))
	for _, port := range []int{53, 20053} {
		l, err := net.ListenUDP("udp4", &net.UDPAddr{Port: port})
		check(t, err)
		defer l.Close()
	}
	w.file("stack.yaml", `
services:
  web: {image: stackup.test/busybox:1, stop_grace_period: 0s}
  db: {image: stackup.test/busybox:1, stop_grace_period: 0s}
`)
	w.must("up", "-d")
	db := addressOf(t, w.ps()["db.1"])
	if got := w.hostsEntries("web", "db"); !slices.Equal(got, []string{db}) {
		t.Errorf("db is at %v, want %s", got, db)
	}
	w.must("down")
}
