package network

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"stackup.dev/stackup/internal/statedir"
)

// world is a Host with folders of its own, in this process's fresh namespaces.
type world struct {
	*Host
	t *testing.T
}

// newWorld skips without root. At the end of the test it checks that nothing
// is left: links, rules, mounts, files.
func newWorld(t *testing.T) *world {
	t.Helper()
	if os.Getenv(inside) == "" {
		t.Skip("needs root and the right to make network namespaces")
	}
	base := t.TempDir()
	dirs, err := statedir.New(filepath.Join(base, "root"), filepath.Join(base, "state"))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	w := &world{New(dirs, os.Getenv("STACKUP_TEST_PLUGINS"), log), t}
	before := w.traces()
	t.Cleanup(func() {
		w.clean()
		if diff := cmp.Diff(before, w.traces()); diff != "" {
			t.Errorf("left behind (-before +after):\n%s", diff)
		}
	})
	return w
}

func (w *world) clean() {
	endpoints, err := w.Endpoints()
	if err != nil {
		w.t.Error(err)
	}
	for _, e := range endpoints {
		if err := w.Release(context.WithoutCancel(w.t.Context()), e.ID); err != nil {
			w.t.Error(err)
		}
	}
	networks, err := w.Networks()
	if err != nil {
		w.t.Error(err)
	}
	for _, n := range networks {
		if err := w.RemoveNetwork(context.WithoutCancel(w.t.Context()), n.Name); err != nil {
			w.t.Error(err)
		}
	}
}

// traces lists all that a network can leave on a machine.
func (w *world) traces() []string {
	var out []string
	links, err := netlink.LinkList()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, l := range links {
		out = append(out, "link "+l.Attrs().Name)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		w.t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if at := strings.Fields(line)[4]; strings.HasPrefix(at, os.TempDir()) { // others come and go
			out = append(out, "mount "+at)
		}
	}
	for _, dir := range []string{w.Dirs.Root, w.Dirs.State, "/var/lib/cni"} {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				out = append(out, "file "+path)
			}
			return nil
		})
	}
	slices.Sort(out)
	return append(out, w.ruleset())
}

// ruleset is what nft shows; without that tool this part is not compared.
func (w *world) ruleset() string {
	b, err := exec.Command("nft", "list", "ruleset").Output()
	if err != nil {
		w.t.Logf("nft list ruleset: %v", err)
	}
	return string(b)
}

func (w *world) network(stack string) Network {
	w.t.Helper()
	n, err := w.CreateNetwork(w.t.Context(), stack, "default", stack+"_default", Settings{})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// endpointOf gives an endpoint of a service on the default networks of stacks.
func endpointOf(id, service string, stacks ...string) Endpoint {
	e := Endpoint{ID: id, Stack: stacks[0], Service: service, Index: 1, Hostname: id, Name: stacks[0] + "-" + service + "-1"}
	for _, s := range stacks {
		e.Attachments = append(e.Attachments, Attachment{Network: s + "_default", Names: []string{service, e.Name}})
	}
	return e
}

func (w *world) claim(e Endpoint, wishes ...Published) Endpoint {
	w.t.Helper()
	got, err := w.Claim(w.t.Context(), e, wishes)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

func (w *world) attach(id string) {
	w.t.Helper()
	if err := w.Attach(w.t.Context(), id); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) detach(id string) {
	w.t.Helper()
	if err := w.Detach(w.t.Context(), id); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) release(id string) {
	w.t.Helper()
	if err := w.Release(w.t.Context(), id); err != nil {
		w.t.Fatal(err)
	}
}

func tcp(host, target uint16) Published {
	return Published{HostPort: host, HostPortEnd: host, Target: target, Protocol: "tcp"}
}

func udp(host, target uint16) Published {
	return Published{HostPort: host, HostPortEnd: host, Target: target, Protocol: "udp"}
}

func at(ip string, p Published) Published {
	p.HostIP = ip
	return p
}

func addrOf(e Endpoint) string { return e.Attachments[0].Address.Addr().String() }

func hostport(ip string, port uint16) string { return fmt.Sprintf("%s:%d", ip, port) }
