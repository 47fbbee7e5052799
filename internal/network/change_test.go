package network

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/nftables"
)

// TestChangesGoTogether: of many that come at once, those that come while one
// is carried out share one transaction, and each hears how its own went.
func TestChangesGoTogether(t *testing.T) {
	w := newWorld(t)
	w.network("shop")
	const n = 12
	for i := range n {
		e := replica(i + 1)
		w.claim(e, tcp(uint16(9000+i), 80))
	}
	unlock, err := w.lock(t.Context()) // all of them have to wait for this
	if err != nil {
		t.Fatal(err)
	}
	before := w.generation(t)
	errs := make([]error, n+1)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = w.setUp(t.Context(), replica(i+1).ID, true) })
	}
	wg.Go(func() { errs[n] = w.setUp(t.Context(), "nobody", true) })
	for w.changes.busyWith() < n+1 {
		select {
		case <-t.Context().Done():
			t.Fatal("the changes never came")
		default:
		}
	}
	unlock()
	wg.Wait()
	for i, err := range errs[:n] {
		if err != nil {
			t.Errorf("change %d: %v", i, err)
		}
	}
	if errs[n] == nil || !strings.Contains(errs[n].Error(), "record of container nobody went away") {
		t.Errorf("change of an unknown endpoint: %v", errs[n])
	}
	if got := w.generation(t) - before; got != 1 {
		t.Errorf("%d transactions, want 1", got)
	}
	rules := w.ruleset()
	for i := range n {
		if want := fmt.Sprintf("dport %d ", 9000+i); !strings.Contains(rules, want) {
			t.Errorf("no rule with %q:\n%s", want, rules)
		}
	}
}

// busyWith is how many changes wait to be carried out.
func (q *changes) busyWith() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// generation is the number of transactions that the kernel has seen, as far as
// a difference tells it.
func (w *world) generation(t *testing.T) uint32 {
	t.Helper()
	g, err := w.nft.Generation()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestNoTransactionWithoutNeed: what publishes no port leaves the rules alone,
// unless somebody else has touched them.
func TestNoTransactionWithoutNeed(t *testing.T) {
	w := newWorld(t)
	w.network("shop")
	for i := range 3 {
		w.claim(replica(i + 1))
	}
	before := w.generation(t)
	w.attach("web-1")
	w.attach("web-2")
	w.detach("web-1")
	if got := w.generation(t); got != before {
		t.Errorf("%d transactions, want none", got-before)
	}
	c, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	c.FlushRuleset()
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	w.attach("web-3")
	if !strings.Contains(w.ruleset(), "table ip "+w.Dirs.NftTable()) {
		t.Errorf("the table did not come back:\n%s", w.ruleset())
	}
}

// TestFolderSeesOthersChanges: what is read once is read again when somebody
// has replaced, added or removed a record.
func TestFolderSeesOthersChanges(t *testing.T) {
	w := newWorld(t)
	w.network("shop")
	first := w.claim(replica(1))
	other := New(w.Dirs, w.PluginDir, w.Log)
	expect := func(want ...string) {
		t.Helper()
		all, err := w.Endpoints()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range all {
			got = append(got, fmt.Sprintf("%s %t", e.ID, e.Up))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	expect("web-1 false")
	first.Up = true
	if err := other.writeEndpoint(first); err != nil {
		t.Fatal(err)
	}
	expect("web-1 true")
	if _, err := other.Claim(t.Context(), replica(2), nil); err != nil {
		t.Fatal(err)
	}
	expect("web-1 true", "web-2 false")
	if err := os.Remove(w.endpointPath("web-1")); err != nil {
		t.Fatal(err)
	}
	expect("web-2 false")
}
