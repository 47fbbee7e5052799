package network

import (
	"maps"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func member(id string, up bool, at ...Attachment) Endpoint {
	return Endpoint{ID: id, Hostname: id + "-host", Name: "shop-" + id, Up: up, Attachments: at}
}

func on(network, addr string, names ...string) Attachment {
	return Attachment{Network: network, Address: netip.MustParsePrefix(addr), Names: names}
}

func TestHostsContent(t *testing.T) {
	web := member("web", true, on("front", "10.0.0.2/24", "web", "www"))
	api := member("api", true, on("front", "10.0.0.3/24", "api"), on("back", "10.0.1.3/24", "api", "backend"))
	db := member("db", true, on("back", "10.0.1.4/24", "db"))
	down := member("down", false, on("front", "10.0.0.9/24", "down"))
	all := []Endpoint{web, api, db, down}
	const head = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
	tests := []struct {
		of   Endpoint
		want string
	}{
		{web, head + "10.0.0.2\tweb-host shop-web web www\n10.0.0.3\tapi\n"},
		{api, head + "10.0.0.3\tapi-host shop-api api\n10.0.1.3\tapi-host shop-api api backend\n10.0.0.2\tweb www\n10.0.1.4\tdb\n"},
		{db, head + "10.0.1.4\tdb-host shop-db db\n10.0.1.3\tapi backend\n"},
	}
	for _, tt := range tests {
		t.Run(tt.of.ID, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string(hostsContent(tt.of, linesOf(all)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLinked(t *testing.T) {
	web := member("web", true, on("front", "10.0.0.2/24"), on("back", "10.0.1.2/24"))
	web.Stack, web.Links = "shop", []Link{{Service: "db", Alias: "database"}, {Container: "other-cache-1", Alias: "cache"}}
	db, down := member("db", true, on("back", "10.0.1.4/24")), member("db2", false, on("back", "10.0.1.5/24"))
	db.Stack, db.Service, down.Stack, down.Service = "shop", "db", "shop", "db"
	namesake := member("namesake", true, on("back", "10.0.1.9/24"))
	namesake.Stack, namesake.Service = "other", "db"
	cache := member("cache", true, on("front", "10.0.0.7/24"))
	cache.Stack, cache.Name = "other", "other-cache-1"
	apart := member("apart", true, on("far", "10.0.9.7/24"))
	apart.Name = "other-cache-1"
	const want = "10.0.1.4\tdatabase\n10.0.0.7\tcache\n"
	if diff := cmp.Diff(want, string(linked(web, []Endpoint{web, db, down, namesake, cache, apart}))); diff != "" {
		t.Error(diff)
	}
}

// TestSilence: who is silent is found by nobody, until it is attached again.
func TestSilence(t *testing.T) {
	w := newWorld(t)
	w.network("shop")
	w.claim(endpointOf("web1", "web", "shop"))
	w.claim(endpointOf("db1", "db", "shop"))
	w.attach("web1")
	w.attach("db1")
	expect := func(when string, silent, known bool) {
		t.Helper()
		b, err := os.ReadFile(w.HostsFile("web1"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(b), "\tdb "); got != known {
			t.Errorf("%s: known %t, want %t:\n%s", when, got, known, b)
		}
		all, err := w.Silent()
		if want := map[string]bool{"web1": false, "db1": silent}; err != nil || !maps.Equal(all, want) {
			t.Errorf("%s: %v, %v, want %v", when, all, err, want)
		}
		own, err := os.ReadFile(w.HostsFile("db1"))
		if err != nil || !strings.Contains(string(own), " db\n") {
			t.Errorf("%s: db does not know itself: %v\n%s", when, err, own)
		}
	}
	silence := func(silent bool) {
		t.Helper()
		if err := w.SetSilent(t.Context(), "db1", silent); err != nil {
			t.Fatal(err)
		}
	}
	expect("attached", false, true)
	silence(true)
	expect("silent", true, false)
	silence(false)
	expect("answers again", false, true)
	silence(true)
	w.attach("db1")
	expect("attached again", false, true)
	if err := w.SetSilent(t.Context(), "nobody", true); err != nil {
		t.Errorf("one that has gone: %v", err)
	}
}

// TestHostsFollowLife: a name is there once its container is attached, and
// gone once it is detached, in the file that is mounted already.
func TestHostsFollowLife(t *testing.T) {
	w := newWorld(t)
	w.network("shop")
	w.claim(endpointOf("web1", "web", "shop"))
	w.claim(endpointOf("db1", "db", "shop"))
	w.attach("web1")
	f, err := os.Open(w.HostsFile("web1"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	const own = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n10.210.0.2\tweb1 shop-web-1 web\n"
	expect := func(when, want string) {
		t.Helper()
		b := make([]byte, 4096)
		n, _ := f.ReadAt(b, 0)
		if diff := cmp.Diff(want, string(b[:n])); diff != "" {
			t.Errorf("%s: %s", when, diff)
		}
	}
	expect("alone", own)
	w.attach("db1")
	expect("peer attached", own+"10.210.0.3\tdb shop-db-1\n")
	w.detach("db1")
	expect("peer detached", own)
}
