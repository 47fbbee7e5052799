package network

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/nftables"
)

// dropAll makes what Docker and ufw make: a FORWARD chain of policy drop.
func dropAll(t *testing.T) (flush func()) {
	t.Helper()
	return dropAt(t, "FORWARD", nftables.ChainHookForward)
}

func dropAt(t *testing.T, name string, hook *nftables.ChainHook) (flush func()) {
	t.Helper()
	c, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	policy := nftables.ChainPolicyDrop
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "filter"})
	chain := c.AddChain(&nftables.Chain{
		Table: table, Name: name, Type: nftables.ChainTypeFilter,
		Hooknum: hook, Priority: nftables.ChainPriorityFilter, Policy: &policy,
	})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.DelTable(table)
		if err := c.Flush(); err != nil {
			t.Error(err)
		}
	})
	return func() {
		c.FlushChain(chain)
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCoexistWithPolicyDrop: another program's FORWARD policy of drop stops
// neither ports nor the way out, our rules in its chain come back after it
// flushed them, are never doubled, and go with the last network.
func TestCoexistWithPolicyDrop(t *testing.T) {
	w := newWorld(t)
	outside := neighbor(t)
	serve(t, outside, "outside", 7000)
	flush := dropAll(t)
	before := w.ruleset()
	w.network("shop")
	w.claim(endpointOf("web1", "web", "shop"), tcp(8080, 80))
	w.attach("web1")
	serve(t, w.NetnsPath("web1"), "web", 80)
	expect := func(when, want string) {
		t.Helper()
		if got, _, err := ask(t, limitFor(want), outside, "tcp", hostport(hostAddr, 8080)); got != want {
			t.Errorf("%s: port from the neighbour: %q, %v", when, got, err)
		}
		if got, _, err := ask(t, limitFor(want), w.NetnsPath("web1"), "tcp", hostport(neighborAddr, 7000)); (got == "outside") != (want == "web") {
			t.Errorf("%s: way out: %q, %v", when, got, err)
		}
	}
	expect("attached", "web")
	flush()
	expect("flushed", "")
	w.attach("web1")
	expect("attached again", "web")
	w.attach("web1")
	if n := strings.Count(w.ruleset(), `comment "`+w.Dirs.NftTable()+" su"); n != 3 {
		t.Errorf("%d rules of ours in the foreign chain, want 3:\n%s", n, w.ruleset())
	}
	w.release("web1")
	if err := w.RemoveNetwork(t.Context(), "shop_default"); err != nil {
		t.Fatal(err)
	}
	if after := w.ruleset(); after != before {
		t.Errorf("rules before:\n%s\nafter:\n%s", before, after)
	}
}

// TestQuestionsForNames: port 53 of the gateway leads to who answers for names,
// from the network itself, and from nowhere else; neither a published port 53
// nor another program's INPUT policy of drop comes between.
func TestQuestionsForNames(t *testing.T) {
	w := newWorld(t)
	outside := neighbor(t)
	shop, other := w.network("shop"), w.network("other")
	web := w.claim(endpointOf("web1", "web", "shop"), tcp(53, 80), udp(53, 80))
	alien := w.claim(endpointOf("alien1", "alien", "other"))
	serve(t, "", "names", NamesPort)
	for _, e := range []Endpoint{web, alien} {
		w.attach(e.ID)
		serve(t, w.NetnsPath(e.ID), e.Service, 80)
	}
	expect := func(when, from, to, want string) {
		t.Helper()
		for _, protocol := range []string{"tcp", "udp"} {
			if got, _, err := ask(t, limitFor(want), from, protocol, hostport(to, 53)); got != want {
				t.Errorf("%s, %s: answer %q (%v), want %q", when, protocol, got, err, want)
			}
		}
	}
	expect("its own gateway", w.NetnsPath("web1"), shop.Gateway.String(), "names")
	expect("another one's own gateway", w.NetnsPath("alien1"), other.Gateway.String(), "names")
	expect("another network's gateway", w.NetnsPath("alien1"), shop.Gateway.String(), "web")
	expect("from outside", outside, hostAddr, "web")
	flush := dropAt(t, "INPUT", nftables.ChainHookInput)
	expect("behind a firewall that nobody has told", w.NetnsPath("web1"), shop.Gateway.String(), "")
	w.mend("shop_default", "chain INPUT of table filter")
	expect("behind a firewall", w.NetnsPath("web1"), shop.Gateway.String(), "names")
	flush()
}

// TestManyPorts: a table far larger than a socket's default buffer goes in at once.
func TestManyPorts(t *testing.T) {
	w := newWorld(t)
	w.network("shop")
	var wishes []Published
	for p := range uint16(2000) {
		wishes = append(wishes, tcp(20000+p, 80))
	}
	w.claim(endpointOf("web1", "web", "shop"), wishes...)
	w.attach("web1")
	serve(t, w.NetnsPath("web1"), "web", 80)
	for _, p := range []int{20000, 21999} {
		if got, _, err := ask(t, answer, "", "tcp", fmt.Sprintf("127.0.0.1:%d", p)); got != "web" {
			t.Errorf("port %d: %q, %v", p, got, err)
		}
	}
}
