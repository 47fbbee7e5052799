//go:build e2e

package e2e

import (
	"net"
	"strings"
	"testing"
	"time"

	"stackup.dev/stackup/internal/dev/slowness"
)

// hostAddresses are this machine's own IPv4 addresses, loopback apart.
func hostAddresses(t *testing.T) (out []string) {
	t.Helper()
	ifaces, err := net.Interfaces()
	check(t, err)
	for _, i := range ifaces {
		if i.Flags&net.FlagLoopback != 0 || i.Flags&net.FlagUp == 0 || len(i.Name) > 2 && i.Name[:2] == "su" {
			continue
		}
		addrs, err := i.Addrs()
		check(t, err)
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil {
				out = append(out, n.IP.String())
			}
		}
	}
	return out
}

// Intent: a container that comes back with another address is found there by
// its neighbours, which run on; the old address is forgotten.
func TestNamesFollowARecreatedService(t *testing.T) {
	w := newWorld(t)
	stack := `
services:
  db: {image: stackup.test/busybox:1, environment: {LEVEL: info}, stop_grace_period: 0s}
  web: {image: stackup.test/busybox:1, stop_grace_period: 0s}
`
	w.file("stack.yaml", stack)
	w.must("up", "-d", "--wait")
	before := w.ps()
	old := addressOf(t, before["db.1"])
	if got := w.hostsEntries("web", "db"); strings.Join(got, " ") != old {
		t.Errorf("web knows db at %v, want %s", got, old)
	}
	w.file("stack.yaml", strings.Replace(stack, "LEVEL: info", "LEVEL: debug", 1))
	w.must("up", "-d")
	start := slowness.Given()
	now := w.ps()
	fresh := addressOf(t, now["db.1"])
	if now["db.1"].ID == before["db.1"].ID || now["web.1"].ID != before["web.1"].ID {
		t.Errorf("after the edit: %v, before: %v", now, before)
	}
	if fresh == old {
		t.Errorf("db is at %s as before: the test shows nothing", old)
	}
	w.eventually("web knows db's new address only", func() bool {
		return strings.Join(w.hostsEntries("web", "db"), " ") == fresh
	})
	if took := slowness.Given() - start; took > allow(2*time.Second) {
		t.Errorf("that took %s, want 2s at most", took)
	}
	w.must("down")
}

// addressOf is the address of a container on one network.
func addressOf(t *testing.T, row psRow) string {
	t.Helper()
	for _, a := range row.Addresses {
		return a
	}
	t.Fatalf("%s has no address", row.Name)
	return ""
}

// hostsEntries are the addresses that a service finds for a name in its hosts file.
func (w *world) hostsEntries(service, name string) (out []string) {
	w.t.Helper()
	for line := range strings.Lines(w.must("exec", "-T", service, "cat", "/etc/hosts").out) {
		f := strings.Fields(line)
		for _, n := range f[min(1, len(f)):] {
			if n == name {
				out = append(out, f[0])
			}
		}
	}
	return out
}
