package ctrd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/spec"
)

func TestResolvConfDropsLoopback(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"empty", "", ""},
		{"real resolvers stay", "nameserver 10.0.0.1\nnameserver 2001:db8::1\n", "nameserver 10.0.0.1\nnameserver 2001:db8::1\n"},
		{"a local stub goes", "nameserver 127.0.0.53\noptions edns0\nsearch lan\n", "options edns0\nsearch lan\n"},
		{"spaces and no last newline", "nameserver \t127.0.0.1\nnameserver ::1\nnameserver 10.0.0.1", "nameserver 10.0.0.1"},
		{"comments stay", "# nameserver 127.0.0.1\n\n", "# nameserver 127.0.0.1\n\n"},
		{"an address that only looks alike", "nameserver 12.7.0.1\n", "nameserver 12.7.0.1\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string(reachable([]byte(tt.in)))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestOwnDNS(t *testing.T) {
	const host = "nameserver 10.0.0.1\nsearch lan\noptions edns0"
	tests := []struct {
		name string
		own  spec.DNS
		want string
	}{
		{"nothing of its own", spec.DNS{}, host},
		{"servers", spec.DNS{Servers: []string{"192.0.2.1", "192.0.2.2"}}, "search lan\noptions edns0\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n"},
		{"search", spec.DNS{Search: []string{"a.test", "b.test"}}, "nameserver 10.0.0.1\noptions edns0\nsearch a.test b.test\n"},
		{"no search", spec.DNS{Search: []string{"."}}, "nameserver 10.0.0.1\noptions edns0"},
		{"options", spec.DNS{Options: []string{"ndots:2"}}, "nameserver 10.0.0.1\nsearch lan\noptions ndots:2\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string(ownDNS([]byte(host), tt.own))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestManagedFilesAreReadableByAll(t *testing.T) {
	e := unconnected(t)
	if err := e.writeFiles("c", network.Endpoint{Hostname: "web"}, &spec.Service{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"resolv.conf", "hostname"} {
		st, err := os.Stat(filepath.Join(e.Dirs.Container("c"), name))
		if err != nil || st.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v, %v", name, st, err)
		}
	}
	b, err := os.ReadFile(filepath.Join(e.Dirs.Container("c"), "hostname"))
	if err != nil || string(b) != "web\n" {
		t.Errorf("hostname %q, %v", b, err)
	}
}

func TestRunComesBack(t *testing.T) {
	e := unconnected(t)
	got, err := e.readRun("c")
	if diff := cmp.Diff(run{}, got); err != nil || diff != "" {
		t.Errorf("never started: %v (-want +got):\n%s", err, diff)
	}
	started := time.Unix(1700000000, 123456789).UTC()
	if err := e.writeRun("c", started, restart.Count{Total: 3, Quick: 2}); err != nil {
		t.Fatal(err)
	}
	got, err = e.readRun("c")
	want := run{Version: runVersion, Started: started, Restarts: restart.Count{Total: 3, Quick: 2}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestReadRunRefuses(t *testing.T) {
	for text, want := range map[string]string{`{"version":2}`: "has version 2, this stackup reads 1", "{": "run.json"} {
		e := unconnected(t)
		if err := statedir.WriteFile(e.runPath("c"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := e.readRun("c"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
