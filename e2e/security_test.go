//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// processesIn gives the processes in the control groups of a stack's containers.
// The groups of this world only: a zombie of another one, which nobody has waited
// for yet, keeps its group's name (cgroups(7): "(deleted)").
func processesIn(w *world, stack string) map[string]bool {
	w.t.Helper()
	out := map[string]bool{}
	group := "/" + namespaceOf(w.root()) + "/" + stack + "-"
	procs, err := filepath.Glob("/proc/[0-9]*")
	check(w.t, err)
	for _, p := range procs {
		b, err := os.ReadFile(filepath.Join(p, "cgroup"))
		if err == nil && strings.Contains(string(b), group) {
			out[filepath.Base(p)] = true
		}
	}
	return out
}

// Intent: the default profile, seen from inside, is Docker's, field by field.
func TestDefaultSecurityProfile(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", "services:\n  a: {image: stackup.test/busybox:1, stop_grace_period: 0s}\n")
	w.must("up", "-d")
	in := w.shell("a").says
	checkStatus(t, in("cat /proc/1/status"))
	checkMounts(t, in("cat /proc/1/mountinfo"))
	checkNamespaces(t, in)
	checkDevices(t, w, in)
	checkLimits(t, w, in)
	checkSysctls(t, in)
	w.must("down")
}

// checkStatus compares capabilities, seccomp and identity.
func checkStatus(t *testing.T, text string) {
	t.Helper()
	status := map[string]string{}
	for line := range strings.Lines(text) {
		k, v, _ := strings.Cut(line, ":")
		status[k] = strings.TrimSpace(v)
	}
	for field, want := range map[string]string{
		"CapEff": "00000000a80425fb", "CapPrm": "00000000a80425fb", "CapBnd": "00000000a80425fb",
		"CapInh": "0000000000000000", "CapAmb": "0000000000000000",
		"Seccomp": "2", "NoNewPrivs": "0", "Uid": "0\t0\t0\t0", "Gid": "0\t0\t0\t0", "Groups": "0",
	} {
		if status[field] != want {
			t.Errorf("%s: %q, want %q", field, status[field], want)
		}
	}
}

// checkNamespaces compares the whole list of them with the host's.
func checkNamespaces(t *testing.T, in func(string) string) {
	t.Helper()
	own := map[string]bool{"mnt": true, "net": true, "uts": true, "ipc": true, "pid": true, "cgroup": cgroupV2(), "user": false, "time": false}
	for _, ns := range slices.Sorted(maps.Keys(own)) {
		host, err := os.Readlink("/proc/self/ns/" + ns)
		if os.IsNotExist(err) {
			continue // not in this kernel
		}
		check(t, err)
		if got := !strings.HasSuffix(in("ls -l /proc/1/ns/"+ns), host); got != own[ns] {
			t.Errorf("%s namespace of its own: %v, want %v", ns, got, own[ns])
		}
	}
}

// dockerDevices are the device rules of Docker's default profile, as version 1
// of control groups shows them: every node may be made, these may be used.
// 10:200 is /dev/net/tun, which runc allows by itself.
var dockerDevices = []string{
	"b *:* m", "c *:* m", "c 10:200 rwm", "c 136:* rwm", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:1 rwm", "c 5:2 rwm",
}

// checkDevices compares the nodes, the rules, and what comes of them.
func checkDevices(t *testing.T, w *world, in func(string) string) {
	t.Helper()
	devices := "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"
	if _, err := os.Stat("/proc/kcore"); err == nil {
		devices = "core " + devices // the runtime's link to it, which is masked
	}
	if got := strings.Join(strings.Fields(in("ls /dev")), " "); got != devices {
		t.Errorf("/dev: %s, want %s", got, devices)
	}
	for node, want := range map[string]string{
		"c 1 3":    "yes", // null
		"c 10 229": "no",  // fuse
		"b 259 0":  "no",  // a disk
	} {
		name := "/tmp/" + strings.ReplaceAll(node, " ", "-")
		got := in("busybox mknod " + name + " " + node + " && (head -c 0 <" + name + ") 2>/tmp/err && echo yes || grep -q 'not permitted' /tmp/err && echo no || echo strange; cat /tmp/err >&2")
		if !strings.HasPrefix(got, want) {
			t.Errorf("device %s can be opened: %s, want %s", node, got, want)
		}
	}
	if cgroupV2() {
		return // there they are a program, which cannot be read back
	}
	b, err := os.ReadFile(filepath.Join("/sys/fs/cgroup/devices", namespaceOf(w.root()), w.ps()["a.1"].ID, "devices.list"))
	check(t, err)
	rules := strings.Split(strings.TrimSpace(string(b)), "\n")
	slices.Sort(rules)
	if !slices.Equal(rules, dockerDevices) {
		t.Errorf("device rules: %q, want %q", rules, dockerDevices)
	}
}

// checkLimits compares resource limits: like Docker's, a container has its
// engine's.
func checkLimits(t *testing.T, w *world, in func(string) string) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", w.enginePID()))
	check(t, err)
	engine, inside := limits(string(b)), limits(in("cat /proc/1/limits"))
	if len(inside) != len(engine) || len(inside) < 10 {
		t.Errorf("limits: %q, want %q", inside, engine)
	}
	for name, want := range engine {
		got := inside[name]
		if name == "Max open files" { // Go programs raise their own soft limit, not their children's
			got, want = got[1:], want[1:]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want the engine's %q", name, got, want)
		}
	}
	if got := in("cat /proc/1/oom_score_adj"); got != "0" {
		t.Errorf("oom_score_adj: %s, want 0", got)
	}
}

// Intent: a container has a bound on its processes that nobody asked for.
func TestProcessesAreBounded(t *testing.T) {
	w := newWorld(t)
	needsControllers(t, "pids")
	w.file("stack.yaml", "services:\n  a: {image: stackup.test/busybox:1, stop_grace_period: 0s}\n")
	w.must("up", "-d")
	if got := w.cgroupFile(w.ps()["a.1"].ID, "pids.max", "pids.max"); got != "4096" {
		t.Errorf("pids.max: %s, want 4096", got)
	}
	w.must("down")
}

// limits reads /proc/<pid>/limits: soft, hard and unit by name.
func limits(text string) map[string][]string {
	const nameWidth = 26
	out := map[string][]string{}
	for line := range strings.Lines(text) {
		if len(line) > nameWidth && !strings.HasPrefix(line, "Limit") {
			out[strings.TrimSpace(line[:nameWidth])] = strings.Fields(line[nameWidth:])
		}
	}
	return out
}

// checkSysctls compares what a network namespace of its own allows everyone.
func checkSysctls(t *testing.T, in func(string) string) {
	t.Helper()
	for name, want := range map[string]string{"ip_unprivileged_port_start": "0", "ping_group_range": "0\t2147483647"} {
		if got := in("cat /proc/sys/net/ipv4/" + name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// enginePID is the engine's process.
func (w *world) enginePID() int {
	w.t.Helper()
	if w.daemon != nil {
		return w.daemon.Process.Pid
	}
	for pid, what := range processesOf(w.dir) {
		if strings.Contains(what, "engine run") {
			return pid
		}
	}
	w.t.Fatal("no engine runs")
	return 0
}

// needsControllers leaves a test out where control groups do not limit what it limits.
func needsControllers(t *testing.T, names ...string) {
	t.Helper()
	for _, n := range names {
		needs(t, n+" controller", hasController(n))
	}
}

// hasController reports whether control groups limit a resource here: on version 2 by
// its name there, on version 1 by its folder, where io is blkio.
func hasController(name string) bool {
	if b, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		return slices.Contains(strings.Fields(string(b)), name)
	}
	if name == "io" {
		name = "blkio"
	}
	_, err := os.Stat("/sys/fs/cgroup/" + name)
	return err == nil
}

func cgroupV2() bool {
	_, err := os.Stat("/sys/fs/cgroup/cgroup.controllers")
	return err == nil
}

// The engine's socket and our folders are root's alone.
func TestFileModes(t *testing.T) {
	w := newWorld(t, only(embedded))
	for path, want := range map[string]os.FileMode{w.socket(): 0o600, w.root(): 0o700, w.state(): 0o700} {
		st, err := os.Stat(path)
		check(t, err)
		if got := st.Mode().Perm(); got != want {
			t.Errorf("%s: mode %o, want %o", path, got, want)
		}
	}
}
