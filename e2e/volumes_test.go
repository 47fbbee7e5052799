//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Intent: an empty volume starts with what the image has at its place, and
// keeps what was written over recreation; down -v takes it away.
func TestVolumesStartWithTheImagesContent(t *testing.T) {
	w := newWorld(t)
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
}

// Intent: a user sees the stack's volumes and may remove what nothing uses.
func TestVolumesListAndRemove(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  a:
    image: stackup.test/busybox:1
    command: ["sh", "-c", "until [ -e /mail/end ]; do sleep 0.1; done"]
    volumes: ["site:/www", "/etc", "mail:/mail"]
    stop_grace_period: 0s
volumes: {site: {}, mail: {name: the-mail}}
`)
	names := func() []string { return strings.Fields(w.must("volumes", "-q").out) }
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

// Intent: a volume in memory is one for all its services, lives while one of
// them does, and nothing of it is left; whatever is killed.
func TestVolumeInMemoryIsShared(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  a:
    image: stackup.test/busybox:1
    volumes: ["mem:/mem"]
    stop_grace_period: 0s
  b:
    image: stackup.test/busybox:1
    volumes: ["mem:/other:ro"]
    stop_grace_period: 0s
volumes:
  mem: {driver_opts: {type: tmpfs, device: tmpfs, o: "size=1m,mode=700,uid=1000"}, labels: {tier: memory}}
`)
	w.must("up", "-d")
	w.must("exec", "-T", "a", "sh", "-c", "echo shared > /mem/f")
	if got := w.must("exec", "-T", "b", "cat", "/other/f").out; got != "shared\n" {
		t.Errorf("b reads %q", got)
	}
	m := parseMounts(w.must("exec", "-T", "b", "cat", "/proc/self/mountinfo").out)["/other"]
	if m.fs != "tmpfs" || !strings.Contains(m.options, "ro") || !strings.Contains(m.super, "size=1024k") || !strings.Contains(m.super, "uid=1000") {
		t.Errorf("mount: %+v", m)
	}
	if out := w.must("volumes", "ls", "--format", "json").out; !strings.Contains(out, `"Labels":"tier=memory"`) {
		t.Errorf("labels: %s", out)
	}
	data := filepath.Join(w.root(), "volumes", "shop_mem", "_data")
	if got := mountsBelow(data); len(got) != 1 {
		t.Errorf("mounted %d times", len(got))
	}
	w.must("up", "-d", "--force-recreate", "a")
	if got := w.must("exec", "-T", "a", "cat", "/mem/f").out; got != "shared\n" {
		t.Errorf("after one was replaced: %q", got)
	}
	w.must("down")
	if got := mountsBelow(data); len(got) != 0 {
		t.Errorf("still mounted: %v", got)
	}
	w.must("up", "-d")
	if r := w.run("exec", "-T", "a", "cat", "/mem/f"); r.code != 1 {
		t.Errorf("memory outlives its users: %q", r.out)
	}
	w.must("down", "-v")
	if got := mountsBelow(w.root()); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
}

// Intent: a volume that stands for a folder of this machine starts with the
// image's content, like any; its data stays where it is, also after down -v; to
// point it elsewhere is refused with what to do.
func TestVolumeThatIsAFolder(t *testing.T) {
	w := newWorld(t)
	stack := `
services:
  a:
    image: stackup.test/busybox:1
    volumes: ["site:/www", "lost:/lost"]
    stop_grace_period: 0s
volumes:
  site: {driver: local, driver_opts: {type: none, o: bind, device: ./data}}
  lost: {}
`
	w.file("stack.yaml", stack)
	r := w.run("up", "-d")
	if r.code != 1 || !strings.Contains(r.err, "volume shop_site: mount "+filepath.Join(w.project, "data")+" (none): no such file or directory") {
		t.Errorf("a folder that is not there: exit %d\n%s", r.code, r.err)
	}
	w.file("data/.keep", "")
	check(t, os.Remove(filepath.Join(w.project, "data/.keep")))
	w.must("up", "-d")
	read := func() string {
		b, err := os.ReadFile(filepath.Join(w.project, "data/index.html"))
		check(t, err)
		return strings.TrimSpace(string(b))
	}
	if got := read(); got != "hello from busybox" {
		t.Errorf("content: %q", got)
	}
	w.must("exec", "-T", "a", "sh", "-c", "echo mine > /www/index.html")
	w.file("stack.yaml", strings.Replace(stack, "./data", "/tmp", 1))
	r = w.run("up", "-d")
	if r.code != 1 || !strings.Contains(r.err, "volume site: its driver_opts have changed") || !strings.Contains(r.err, "stackup volumes rm shop_site") {
		t.Errorf("another folder: exit %d\n%s", r.code, r.err)
	}
	w.file("stack.yaml", strings.Replace(stack, "lost: {}", "lost: {driver_opts: {type: nosuchfs, device: x}}", 1))
	w.must("down")
	w.must("volumes", "rm", "shop_lost")
	if r := w.run("up", "-d"); r.code != 1 || !strings.Contains(r.err, "service a: volumes.lost: this machine's kernel knows no file system nosuchfs") {
		t.Errorf("no such file system: exit %d\n%s", r.code, r.err)
	}
	w.must("down", "-v")
	if got := read(); got != "mine" {
		t.Errorf("after down -v: %q", got)
	}
}

// Intent: a container that is none of the stack's lends its folders and volumes,
// those of its image too; without it nothing starts.
func TestVolumesFromContainers(t *testing.T) {
	w := newWorld(t)
	w.file("data/x", "folder")
	w.file("lend.yaml", `
name: lending
services:
  l:
    image: stackup.test/busybox:1
    container_name: lender
    volumes: ["./data:/folder", /loose, "mem:/mem"]
    tmpfs: /tmp
    stop_grace_period: 0s
volumes: {mem: {driver_opts: {type: tmpfs, device: tmpfs}}}
`)
	w.file("stack.yaml", `
services:
  a:
    image: stackup.test/busybox:1
    volumes: ["./own:/folder/own"]
    volumes_from: ["container:lender"]
    stop_grace_period: 0s
  b:
    image: stackup.test/busybox:1
    volumes_from: ["container:lender:ro"]
    stop_grace_period: 0s
`)
	w.file("data/own/.keep", "")
	w.file("own/mine", "mine")
	if r := w.run("up", "-d"); r.code != 1 || !strings.Contains(r.err, "volumes_from: no container lender on this machine") {
		t.Errorf("without it: exit %d\n%s", r.code, r.err)
	}
	w.must("-f", "lend.yaml", "up", "-d")
	w.must("up", "-d")
	w.must("exec", "-T", "a", "sh", "-c", "echo -n loose > /loose/x; echo -n memory > /mem/x")
	if got := w.must("exec", "-T", "b", "cat", "/folder/x", "/loose/x", "/mem/x").out; got != "folderloosememory" {
		t.Errorf("b reads %q", got)
	}
	if got := w.must("exec", "-T", "a", "cat", "/folder/own/mine").out; got != "mine" {
		t.Errorf("its own mount in a lent one: %q", got)
	}
	if r := w.run("exec", "-T", "b", "touch", "/loose/y"); r.code == 0 {
		t.Error("ro is written to")
	}
	if r := w.run("-f", "lend.yaml", "down", "-v"); r.code != 1 || !strings.Contains(r.err, "volume lending_mem is in use by container shop-") {
		t.Errorf("down -v of what others have mounted: exit %d\n%s", r.code, r.err)
	}
	if got := w.must("exec", "-T", "b", "cat", "/mem/x").out; got != "memory" {
		t.Errorf("after the lender has gone: %q", got)
	}
	w.must("down")
	w.must("-f", "lend.yaml", "down", "-v")
}

// Intent: wherever up is killed, nothing stays mounted after down, and the next
// up works as if nothing had been.
func TestKilledWhileMounting(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.site("hello")
	w.file("data/x", "kept")
	w.file("stack.yaml", `
services:
  a:
    image: stackup.test/busybox:1
    volumes:
      - mem:/mem
      - here:/here
      - {type: image, source: "stackup.test/site:1", target: /site}
    stop_grace_period: 0s
volumes:
  mem: {driver_opts: {type: tmpfs, device: tmpfs}}
  here: {driver_opts: {type: none, o: bind, device: `+filepath.Join(w.project, "data")+`}}
`)
	for _, i := range sliceOf(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}) {
		c := w.timed(time.Minute, "up", "-d")
		check(t, c.Start())
		time.Sleep(allow(time.Duration(20+15*i) * time.Millisecond))
		check(t, c.Process.Kill())
		c.Wait()
		if i%2 == 1 {
			w.must("up", "-d")
			if got := w.must("exec", "-T", "a", "cat", "/here/x", "/site/www/index.html").out; got != "kepthello\n" {
				t.Errorf("killed at %d: %q", i, got)
			}
		}
		w.must("down", "-v")
		if got := mountsBelow(filepath.Join(w.root(), "volumes")); len(got) > 0 {
			t.Errorf("killed at %d: left %v", i, got)
		}
		if got := mountsBelow(filepath.Join(w.state(), "containers")); len(got) > 0 {
			t.Errorf("killed at %d: left %v", i, got)
		}
	}
	if b, err := os.ReadFile(filepath.Join(w.project, "data/x")); err != nil || string(b) != "kept" {
		t.Errorf("the folder's own: %q, %v", b, err)
	}
}
