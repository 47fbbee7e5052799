package network

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/busy"
	"stackup.dev/stackup/internal/dev/slowness"
	"stackup.dev/stackup/internal/network/bridge"
)

// fakePlugin makes the Host call a script in place of the plugin; $REAL is the
// real one.
func (w *world) fakePlugin(script string) {
	w.t.Helper()
	dir := w.t.TempDir()
	program := filepath.Join(w.PluginDir, "stackup-cni")
	body := "#!/bin/sh\nREAL=" + program + "\n" + script + "\n"
	if err := os.WriteFile(filepath.Join(dir, "stackup-cni"), []byte(body), 0o700); err != nil {
		w.t.Fatal(err)
	}
	w.cni.PluginDir = dir
}

// TestHelperFails: whatever the helper does, an Attach that fails leaves
// nothing and says what the helper said.
func TestHelperFails(t *testing.T) {
	load := busy.Load
	busy.Load = func() float64 { return 0 } // deadlines are as they are set
	t.Cleanup(func() { busy.Load = load })
	const onAdd = `[ "$CNI_COMMAND" = ADD ] || exec $REAL; `
	tests := []struct{ name, script, want string }{
		{"exits 1 and prints", `echo "out of magic" >&2; exit 1`, "out of magic"},
		{"exits 1 in silence", `exit 1`, "stackup-cni"},
		{"fails at the second network", onAdd + `[ $CNI_IFNAME = eth0 ] && exec $REAL; echo "no second" >&2; exit 1`, "no second"},
		{"fails after it did its work", onAdd + `$REAL >/dev/null; echo "too late" >&2; exit 1`, "too late"},
		{"prints rubbish", onAdd + `$REAL >/dev/null; echo "<html>"`, "unmarshal"},
		{"hangs", onAdd + `exec sleep 120`, "did not answer within 200ms and was killed"},
		{"hangs in a child that keeps its output", onAdd + `sleep 3`, "did not answer within 200ms and was killed"},
		{"killed", `kill -9 $$`, "killed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.network("shop")
			w.network("other")
			w.claim(endpointOf("web1", "web", "shop", "other"), tcp(8080, 80))
			w.fakePlugin(tt.script)
			if strings.Contains(tt.script, "sleep") {
				w.cni.Deadline = 200 * time.Millisecond
			}
			before := w.traces()
			start := slowness.Given()
			err := w.Attach(t.Context(), "web1")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
			if d := slowness.Given() - start; d > 2500*time.Millisecond {
				t.Errorf("took %v", d)
			}
			if diff := cmp.Diff(before, w.traces()); diff != "" {
				t.Errorf("left behind (-before +after):\n%s", diff)
			}
		})
	}
}

// TestDetachIsComplete: the namespace vanished, the link vanished, the record
// vanished: after Release nothing is left.
func TestDetachIsComplete(t *testing.T) {
	tests := []struct {
		name string
		harm func(w *world)
	}{
		{"nothing broken", func(*world) {}},
		{"plugin is gone", func(w *world) { w.cni.PluginDir = w.t.TempDir() }},
		{"namespace unmounted", func(w *world) { _ = unix.Unmount(w.NetnsPath("web1"), unix.MNT_DETACH) }},
		{"namespace removed", func(w *world) { _ = removeNetns(w.NetnsPath("web1")) }},
		{"links removed", func(w *world) {
			e, _ := w.endpoint("web1")
			_ = w.removeLinks(e)
		}},
		{"bridge removed", func(w *world) {
			n, _ := w.Host.network("shop_default")
			_ = netlink.LinkDel(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: n.Bridge}})
		}},
		{"record removed", func(w *world) { _ = os.Remove(w.endpointPath("web1")) }},
		{"network record removed", func(w *world) {
			n, _ := w.Host.network("shop_default")
			_ = os.Remove(w.networkPath(n.Name))
		}},
		{"a leftover process holds the namespace", func(w *world) {
			f, err := os.Open(w.NetnsPath("web1"))
			if err != nil {
				w.t.Fatal(err)
			}
			w.t.Cleanup(func() { _ = f.Close() })
		}},
		{"detached twice", func(w *world) { w.detach("web1"); w.detach("web1") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.network("shop")
			w.claim(endpointOf("web1", "web", "shop"), tcp(8080, 80))
			w.attach("web1")
			tt.harm(w)
			w.detach("web1")
			w.release("web1")
			if veth := bridge.VethName(bridge.Name(w.Dirs.Root, "shop_default"), "web1", "eth0"); bridge.Exists(veth) {
				t.Errorf("%s is left", veth)
			}
			w.release("web1")
			if err := w.RemoveNetwork(t.Context(), "shop_default"); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFiftyCycles: addresses are used again, nothing grows.
func TestFiftyCycles(t *testing.T) {
	w := newWorld(t)
	n := w.network("shop")
	fds := openFiles(t)
	for i := range 50 {
		id := fmt.Sprintf("web-%d", i)
		e := w.claim(endpointOf(id, "web", "shop"), tcp(0, 80))
		if addrOf(e) != n.Gateway.Next().String() || e.Ports[0].HostPort != 49153 {
			t.Fatalf("round %d: %s, port %d", i, addrOf(e), e.Ports[0].HostPort)
		}
		w.attach(id)
		w.detach(id)
		w.release(id)
	}
	if now := openFiles(t); now > fds+2 {
		t.Errorf("%d files open, %d before", now, fds)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}

// TestAfterReboot: links, rules, namespaces and the state folder are gone;
// records of networks and what the labels hold bring all back.
func TestAfterReboot(t *testing.T) {
	w := newWorld(t)
	n := w.network("shop")
	e := w.claim(endpointOf("web1", "web", "shop"), tcp(0, 80))
	w.attach("web1")
	if err := removeNetns(w.NetnsPath("web1")); err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkDel(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: n.Bridge}}); err != nil {
		t.Fatal(err)
	}
	if err := w.nft.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(w.Dirs.State); err != nil {
		t.Fatal(err)
	}
	h := New(w.Dirs, w.PluginDir, w.Log)
	e.Up = true // as the label may say
	for range 2 {
		if got, err := h.Restore(w.t.Context(), e); err != nil || got.ID != e.ID || got.Up {
			t.Fatal(got, err)
		}
	}
	for range 2 {
		if err := h.Attach(t.Context(), "web1"); err != nil {
			t.Fatal(err)
		}
	}
	serve(t, w.NetnsPath("web1"), "web", 80)
	if got, _, err := ask(t, answer, "", "tcp", hostport("127.0.0.1", e.Ports[0].HostPort)); got != "web" {
		t.Errorf("answer %q, %v", got, err)
	}
	usurper := e
	usurper.ID = "web2"
	lost := new(AddressLostError)
	if _, err := h.Restore(t.Context(), usurper); !errors.As(err, &lost) || lost.Chosen || !strings.Contains(err.Error(), "is in use by service web of stack shop (container web1)") {
		t.Errorf("restored with an address that another has: %v", err)
	}
}
