//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Intent: an empty volume starts with what the image has at its place, and
// keeps what was written over recreation; down -v takes it away.
func TestVolumesStartWithTheImagesContent(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		leaks := w.leakCheck()
		stack := `
services:
  a:
    image: stackup.test/busybox:1
    environment: {ROUND: "1"}
    volumes: ["site:/www", "/etc"]
    stop_grace_period: 0s
volumes: {site: {}}
`
		w.file("stack.yaml", stack)
		w.must("up", "-d")
		read := func(path string) string { return strings.TrimSpace(w.must("exec", "-T", "a", "cat", path).out) }
		if got := read("/www/index.html"); got != "hello from busybox" {
			t.Errorf("named volume: %q", got)
		}
		if got := read("/etc/group"); !strings.Contains(got, "extra:x:2000:app") {
			t.Errorf("anonymous volume: %q", got)
		}
		w.must("exec", "-T", "a", "sh", "-c", "echo mine > /www/index.html; echo mine > /etc/own")
		w.file("stack.yaml", strings.Replace(stack, `"1"`, `"2"`, 1))
		w.must("up", "-d")
		if got := read("/www/index.html") + read("/etc/own"); got != "minemine" {
			t.Errorf("after recreation: %q", got)
		}
		w.must("down", "-v")
		leaks()
	})
}

// Intent: a user sees the stack's volumes and may remove what nothing uses.
func TestVolumesListAndRemove(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		leaks := w.leakCheck()
		w.file("stack.yaml", `
services:
  a:
    image: stackup.test/busybox:1
    command: ["sh", "-c", "until [ -e /mail/end ]; do sleep 0.1; done"]
    volumes: ["site:/www", "/etc", "mail:/mail"]
    stop_grace_period: 0s
volumes: {site: {}, mail: {name: the-mail}}
`)
		names := func() []string { return strings.Fields(w.must("volumes", "ls", "-q").out) }
		if got := names(); len(got) > 0 {
			t.Errorf("before up: %q", got)
		}
		w.must("up", "-d")
		got := names()
		if len(got) != 3 || !slices.Contains(got, "shop_site") || !slices.Contains(got, "the-mail") {
			t.Fatalf("volumes: %q", got)
		}
		if out := w.must("volumes", "ls").out; !strings.HasPrefix(out, "DRIVER   VOLUME NAME\n") || !strings.Contains(out, "local    shop_site\n") {
			t.Errorf("table:\n%s", out)
		}
		w.siteInJSON()
		w.must("up", "-d", "--force-recreate")
		for _, stopped := range []bool{false, true} {
			for _, name := range got {
				want := "volume " + name + " is in use by container shop-a-1"
				if r := w.run("volumes", "rm", name); r.code != 1 || !strings.Contains(r.err, want) || r.out != "" {
					t.Errorf("in use (stopped: %t): exit %d\n%s%s", stopped, r.code, r.out, r.err)
				}
			}
			w.run("exec", "-T", "a", "touch", "/mail/end")
			w.eventually("a ends", func() bool { return w.ps("-a")["a.1"].State == "exited" })
		}
		w.must("down")
		r := w.run("volumes", "rm", "none", got[0], got[1], "../volumes")
		if r.code != 1 || r.out != "removed "+got[0]+"\nremoved "+got[1]+"\n" ||
			!strings.Contains(r.err, "no volume none on this machine") || !strings.Contains(r.err, "no volume ../volumes on this machine") {
			t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
		}
		check(t, os.Remove(filepath.Join(w.project, "stack.yaml")))
		w.must("volumes", "rm", got[2]) // needs no file
		if out := w.must("-p", "shop", "volumes", "ls", "-q").out; out != "" {
			t.Errorf("left: %q", out)
		}
		leaks()
	})
}

// siteInJSON checks the line of shop_site.
func (w *world) siteInJSON() {
	w.t.Helper()
	for line := range strings.Lines(w.must("volumes", "ls", "--format", "json").out) {
		var v struct{ Name, Driver, Mountpoint, Key, Project string }
		check(w.t, json.Unmarshal([]byte(line), &v))
		if v.Name != "shop_site" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(v.Mountpoint, "index.html"))
		if err != nil || !strings.Contains(string(b), "busybox") || v.Driver != "local" || v.Key != "site" || v.Project != "shop" {
			w.t.Errorf("%s: %v, %q", line, err, b)
		}
		return
	}
	w.t.Error("shop_site is not in the JSON")
}
