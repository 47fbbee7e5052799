//go:build e2e

package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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
