//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Intent: files go into containers and out of them, running or not, volumes and
// memory included, by the rules of docker cp; a container's links lead nowhere
// but in it.
func TestCopy(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  a:
    image: stackup.test/busybox:1
    user: "1000"
    command: ["sh", "-c", "until [ -e /tmp/end ]; do sleep 0.1; done"]
    scale: 2
    volumes: ["data:/data", "./ro:/ro:ro", "mem:/mem"]
    tmpfs: /tmp
    stop_grace_period: 0s
volumes:
  data: {}
  mem: {driver_opts: {type: tmpfs, device: tmpfs}}
`)
	w.file("ro/x", "")
	w.file("site/index.html", "mine")
	w.file("site/in/deep", "deep")
	w.must("up", "-d")
	for _, running := range []bool{true, false} {
		w.copies(running)
		w.outside()
		w.run("exec", "-T", "a", "touch", "/tmp/end")
		w.run("exec", "-T", "--index", "2", "a", "touch", "/tmp/end")
		w.eventually("a ends", func() bool { return w.ps("-a")["a.1"].State == "exited" && w.ps("-a")["a.2"].State == "exited" })
	}
	if got := mountsBelow(filepath.Join(w.state(), "mounts")); len(got) > 0 {
		t.Errorf("left mounted: %v", got)
	}
	w.must("down", "-v")
}

// copies copies files in and out of a container, which runs or has ended.
func (w *world) copies(running bool) {
	t := w.t
	t.Helper()
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(w.project, name))
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	w.must("cp", "site", "a:/data") // one volume for both
	w.must("cp", "a:/data/site/in/deep", "back")
	if got := read("back"); got != "deep" {
		t.Errorf("volume (running: %t): %q", running, got)
	}
	w.must("cp", "site/index.html", "a:/etc/mine")
	for _, index := range []string{"1", "2"} {
		w.must("cp", "--index", index, "a:/etc/mine", "back")
		if got := read("back"); got != "mine" {
			t.Errorf("replica %s (running: %t): %q", index, running, got)
		}
		check(t, os.Remove(filepath.Join(w.project, "back")))
	}
	w.must("cp", "site/.", "a:mem")
	w.must("cp", "a:/mem/.", "out")
	if got := read("out/index.html") + read("out/in/deep"); got != "minedeep" {
		t.Errorf("memory (running: %t): %q", running, got)
	}
	check(t, os.RemoveAll(filepath.Join(w.project, "out")))
	if running {
		w.must("cp", "--index", "1", "site/index.html", "a:/tmp/")
		if got := w.must("exec", "-T", "a", "ls", "-n", "/tmp/index.html").out; !strings.Contains(got, " 0        0 ") || !strings.HasPrefix(got, "-rw-r--r--") {
			t.Errorf("owner and mode: %s", got)
		}
	}
	if r := w.run("cp", "site/index.html", "a:/ro/"); r.code != 1 || !strings.Contains(r.err, "read-only file system") {
		t.Errorf("into a read-only mount (running: %t): exit %d\n%s", running, r.code, r.err)
	}
	if r := w.run("cp", "a:/none", "."); r.code != 1 || !strings.Contains(r.err, "shop-a-1: open /none: no such file or directory") {
		t.Errorf("nothing (running: %t): exit %d\n%s", running, r.code, r.err)
	}
	archive := w.must("cp", "--index", "1", "a:/data/site", "-").out
	c := w.timed(time.Minute, "cp", "--index", "2", "-", "a:/www")
	c.Stdin = bytes.NewReader([]byte(archive))
	if r := runCmd(t, c); r.code != 0 {
		t.Errorf("archive (running: %t): exit %d\n%s", running, r.code, r.err)
	}
	w.must("cp", "--index", "2", "a:/www/site/in/deep", "back")
	if got := read("back"); got != "deep" {
		t.Errorf("out of an archive (running: %t): %q", running, got)
	}
}

// outside: links to where this machine has something, and the container not.
func (w *world) outside() {
	t := w.t
	t.Helper()
	secret := filepath.Join(w.dir, "secret")
	check(t, os.WriteFile(secret, []byte("machine"), 0o600))
	link := filepath.Join(w.project, "link")
	check(t, os.Symlink(w.dir, link))
	defer os.Remove(link)
	w.must("cp", "--index", "1", "link", "a:/data/link")
	if r := w.run("cp", "-L", "--index", "1", "a:/data/link/secret", "-"); r.code != 1 || strings.Contains(r.out, "machine") {
		t.Errorf("a link out was followed: exit %d %q", r.code, r.out)
	}
	if r := w.run("cp", "--index", "1", "site/index.html", "a:/data/link/secret"); r.code != 1 {
		t.Errorf("a link out was written through: %s", r.out)
	}
	if b, err := os.ReadFile(secret); err != nil || string(b) != "machine" {
		t.Errorf("this machine's file: %q, %v", b, err)
	}
	check(t, os.RemoveAll(filepath.Join(w.project, "back")))
}
