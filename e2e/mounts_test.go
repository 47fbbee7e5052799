//go:build e2e

package e2e

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"stackup.dev/stackup/internal/dev/ocipack"
)

// mount is a line of mountinfo: what a container sees at one place.
type mount struct{ fs, options, super string }

// dockerMounts are the mounts of Docker's default profile. The options are
// all there are but those of access times; of the file system's own, super
// are some.
var dockerMounts = map[string]mount{
	"/":                {"overlay", "rw", ""},
	"/proc":            {"proc", "nodev,noexec,nosuid,rw", ""},
	"/dev":             {"tmpfs", "nosuid,rw", "size=65536k,mode=755"},
	"/dev/pts":         {"devpts", "noexec,nosuid,rw", "gid=5,mode=620,ptmxmode=666"},
	"/dev/shm":         {"tmpfs", "nodev,noexec,nosuid,rw", "size=65536k"},
	"/dev/mqueue":      {"mqueue", "nodev,noexec,nosuid,rw", ""},
	"/sys":             {"sysfs", "nodev,noexec,nosuid,ro", ""},
	"/etc/hosts":       {"", "rw", ""},
	"/etc/hostname":    {"", "rw", ""},
	"/etc/resolv.conf": {"", "rw", ""},
}

// checkMounts compares every mount: those of the profile, the control groups'
// controllers, and what is masked or read-only. There is nothing else.
func checkMounts(t *testing.T, mountinfo string) {
	t.Helper()
	mounts := parseMounts(mountinfo)
	take := func(path string) (mount, bool) {
		m, ok := mounts[path]
		delete(mounts, path)
		return m, ok
	}
	for path, want := range dockerMounts {
		if got, ok := take(path); !ok || !got.like(want) {
			t.Errorf("%s: %+v, want %+v", path, got, want)
		}
	}
	groups := mount{"cgroup2", "nodev,noexec,nosuid,ro", ""}
	if !cgroupV2() { // runc makes a folder there, with a mount for each controller
		groups = mount{"tmpfs", "nodev,noexec,nosuid,rw", "mode=755"}
	}
	if got, ok := take("/sys/fs/cgroup"); !ok || !got.like(groups) {
		t.Errorf("/sys/fs/cgroup: %+v, want %+v", got, groups)
	}
	for path, m := range mounts {
		if strings.HasPrefix(path, "/sys/fs/cgroup/") && m.like(mount{"cgroup", "nodev,noexec,nosuid,ro", ""}) {
			delete(mounts, path)
		}
	}
	for _, path := range maskedPaths(t) {
		if m, ok := take(path); !ok || m.fs != "tmpfs" {
			t.Errorf("%s is not masked: %+v", path, m)
		}
	}
	for _, path := range []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"} {
		if m, ok := take(path); exists(path) && (!ok || m.fs != "proc" || !strings.Contains(","+m.options+",", ",ro,")) {
			t.Errorf("%s is not read-only: %+v", path, m)
		}
	}
	if len(mounts) > 0 {
		t.Errorf("mounts that Docker has not: %v", mounts)
	}
}

// maskedPaths are those of the profile that this kernel has.
func maskedPaths(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("/sys/devices/system/cpu/cpu*/thermal_throttle")
	check(t, err)
	for _, name := range []string{"acpi", "asound", "interrupts", "kcore", "keys", "latency_stats", "sched_debug", "scsi", "timer_list", "timer_stats"} {
		paths = append(paths, "/proc/"+name)
	}
	paths = append(paths, "/sys/devices/virtual/powercap", "/sys/firmware")
	return slices.DeleteFunc(paths, func(p string) bool { return !exists(p) })
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// like says whether m is what want asks for; an empty file system is any.
func (m mount) like(want mount) bool {
	super := strings.Split(m.super, ",")
	for o := range strings.SplitSeq(want.super, ",") {
		if o != "" && !slices.Contains(super, o) {
			return false
		}
	}
	return (want.fs == "" || m.fs == want.fs) && m.options == want.options
}

// parseMounts reads mountinfo: ID, parent, device, root, place, options,
// optional fields up to a dash, file system, source, its own options.
func parseMounts(text string) map[string]mount {
	out := map[string]mount{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		dash := slices.Index(f, "-")
		if dash < 6 || len(f) < dash+4 {
			continue
		}
		options := map[string]bool{}
		for o := range strings.SplitSeq(f[5], ",") {
			if !strings.HasSuffix(o, "atime") {
				options[o] = true
			}
		}
		out[f[4]] = mount{f[dash+1], strings.Join(slices.Sorted(maps.Keys(options)), ","), f[dash+3]}
	}
	return out
}

// Intent: an image is mounted like a folder, read-only and whole or in part; one
// that has moved replaces the container; it is kept while it is mounted, and
// nothing of it is left mounted on this machine.
func TestImageMounts(t *testing.T) {
	w := newWorld(t)
	w.site("hello")
	w.file("stack.yaml", `
services:
  a:
    image: stackup.test/busybox:1
    volumes:
      - {type: image, source: "stackup.test/site:1", target: /whole}
      - {type: image, source: "stackup.test/site:1", target: /part, image: {subpath: www}}
    stop_grace_period: 0s
`)
	w.must("up", "-d")
	look := func() {
		t.Helper()
		if got := w.must("exec", "-T", "a", "cat", "/whole/www/index.html", "/part/index.html").out; got != "hello\nhello\n" {
			t.Errorf("content: %q", got)
		}
		for _, m := range []string{"/whole", "/part"} {
			if got := parseMounts(w.must("exec", "-T", "a", "cat", "/proc/self/mountinfo").out)[m]; !strings.Contains(","+got.options+",", ",ro,") {
				t.Errorf("%s: %+v", m, got)
			}
			if r := w.run("exec", "-T", "a", "touch", m+"/x"); r.code == 0 {
				t.Errorf("%s is written to", m)
			}
		}
	}
	look()
	if got := mountsBelow(filepath.Join(w.state(), "containers")); len(got) > 0 {
		t.Errorf("left mounted: %v", got)
	}
	if r := w.run("images", "rm", "stackup.test/site:1"); r.code != 1 || !strings.Contains(r.err, "in use by container") {
		t.Errorf("removed while mounted: exit %d\n%s", r.code, r.err)
	}
	w.must("images", "rm", "--force", "stackup.test/site:1") // the content stays with the container
	look()
	w.site("hello")
	if r := w.run("plan", "--exit-code"); r.code != 0 {
		t.Errorf("the same image again: exit %d\n%s", r.code, r.out)
	}
	w.site("moved")
	if r := w.run("plan", "--exit-code"); r.code != 2 || !strings.Contains(r.out, "image digest of stackup.test/site:1") {
		t.Errorf("another image: exit %d\n%s", r.code, r.out)
	}
	w.must("up", "-d")
	if got := w.must("exec", "-T", "a", "cat", "/part/index.html").out; got != "moved\n" {
		t.Errorf("content of the other image: %q", got)
	}
	w.must("down")
	w.must("images", "rm", "stackup.test/site:1")
}

// site loads an image of two layers that holds a page, and nothing to run.
func (w *world) site(page string) {
	w.t.Helper()
	below, err := ocipack.Files(ocipack.File{Name: "www/", Mode: 0o755}, ocipack.File{Name: "www/index.html", Mode: 0o644, Data: []byte("below\n")})
	check(w.t, err)
	above, err := ocipack.Files(ocipack.File{Name: "www/index.html", Mode: 0o644, Data: []byte(page + "\n")})
	check(w.t, err)
	f, err := os.Create(filepath.Join(w.dir, "site.tar"))
	check(w.t, err)
	check(w.t, ocipack.Pack(f, ocipack.Image{Ref: "stackup.test/site:1", Layers: []io.Reader{below, above}, Config: v1.ImageConfig{}}))
	check(w.t, f.Close())
	w.must("images", "load", f.Name())
}
