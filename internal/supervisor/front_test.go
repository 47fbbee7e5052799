package supervisor

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/statedir"
)

// TestNamesFollowRecords: what is asked at the gateway is answered by the
// records as they are, from the first one to the last.
func TestNamesFollowRecords(t *testing.T) {
	base := t.TempDir()
	dirs := statedir.Dirs{Root: filepath.Join(base, "r"), State: filepath.Join(base, "s")}
	for _, d := range []string{dirs.Root, dirs.State} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	n := Front{Dirs: dirs, Records: &network.Host{Dirs: dirs}, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); n.Run(ctx) }()
	defer func() { cancel(); <-done }()

	gateway := netip.MustParseAddr("127.53.0.9")
	write(t, filepath.Join(dirs.Networks(), "shop_default.json"), network.Network{
		Version: network.Version, Name: "shop_default", Bridge: "lo", Gateway: gateway, Subnet: netip.MustParsePrefix("127.53.0.0/24"),
	})
	db := network.Endpoint{Version: network.Version, ID: "db", Name: "shop-db-1", Up: true, Attachments: []network.Attachment{{
		Network: "shop_default", Names: []string{"db", "shop-db-1"}, Address: netip.MustParsePrefix("127.53.0.2/24"), Gateway: gateway,
	}}}
	path := filepath.Join(dirs.Endpoints(), "db.json")
	write(t, path, db)
	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, protocol, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, protocol, netip.AddrPortFrom(gateway, network.NamesPort).String())
	}}
	expect := func(when string, want ...string) {
		t.Helper()
		var got []string
		var err error
		for range 100 {
			if got, err = r.LookupHost(t.Context(), "db.shop_default."); slices.Equal(got, want) {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Errorf("%s: %v, %v, want %v", when, got, err, want)
	}
	expect("recorded", "127.53.0.2")
	db.Silent = true
	write(t, path, db)
	expect("silent")
	db.Silent = false
	write(t, path, db)
	expect("again", "127.53.0.2")
	if err := os.RemoveAll(dirs.Endpoints()); err != nil {
		t.Fatal(err)
	}
	expect("with its folder gone")
	write(t, path, db)
	expect("with a new folder", "127.53.0.2")
}

func write(t *testing.T, path string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err == nil {
		err = statedir.WriteVolatile(path, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
