//go:build e2e

package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Intent: shares, periods, reservations and rates are in the container's control group.
func TestFurtherLimits(t *testing.T) {
	w := newWorld(t)
	needsControllers(t, "cpu", "memory", "io")
	disk := rootDisk(t)
	w.file("stack.yaml", `
services:
  a:
    image: stackup.test/busybox:1
    cpu_shares: 512
    cpu_period: 50000
    cpu_quota: 20000
    mem_reservation: 48m
    blkio_config: {device_read_bps: [{path: `+disk+`, rate: 1mb}], device_write_iops: [{path: `+disk+`, rate: 500}]}
    device_cgroup_rules: ["c 10:229 rw"]
    stop_grace_period: 0s
`)
	w.must("up", "-d")
	id := w.ps()["a.1"].ID
	for _, f := range []struct{ v1, v2, want string }{
		{"cpu.shares", "cpu.weight", "512|20|59"},
		{"cpu.cfs_period_us", "cpu.max", "50000|20000 50000"},
		{"cpu.cfs_quota_us", "cpu.max", "20000( 50000)?"},
		{"memory.soft_limit_in_bytes", "memory.low", "50331648"},
		{"blkio.throttle.read_bps_device", "io.max", `\d+:\d+ (rbps=)?1048576.*`},
		{"blkio.throttle.write_iops_device", "io.max", `\d+:\d+ (.*wiops=)?500`},
	} {
		if got := w.cgroupFile(id, f.v1, f.v2); !regexp.MustCompile("^(?:" + f.want + ")$").MatchString(got) {
			t.Errorf("%s: %q, want %s", f.v1, got, f.want)
		}
	}
	if list, err := os.ReadFile(filepath.Join("/sys/fs/cgroup/devices", namespaceOf(w.root()), id, "devices.list")); err == nil && !strings.Contains(string(list), "c 10:229 rw") {
		t.Errorf("no rule for c 10:229:\n%s", list)
	}
	w.must("down")
}

// Intent: the rest of what a service may say of its container is so: how often it is
// tried again, how much of its log is kept, and which services there are at all.
func TestFurtherAttributes(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  a:
    image: stackup.test/busybox:1
    annotations: {com.example.a: b}
    expose: ["8000"]
    restart: unless-stopped
    pull_policy: never
    platform: linux
    logging: {driver: local, options: {max-size: 4k, max-file: "2", compress: "true"}}
    command: ["sh", "-c", "i=0; while [ $$i -lt 3000 ]; do echo line $$i; i=$$((i+1)); done; sleep 100000"]
    stop_grace_period: 0s
  b:
    image: stackup.test/busybox:1
    external_links: ["shop-a-1:other"]
    deploy: {restart_policy: {condition: on-failure, max_attempts: 2, delay: 10ms}, labels: {x: y}, placement: {constraints: [node.role==manager]}}
    command: ["sh", "-c", "echo began; exit 3"]
    depends_on: [a]
  off: {image: stackup.test/none:1, profiles: [debug]}
`)
	w.must("up", "-d")
	id := w.ps()["a.1"].ID
	w.eventually("b has been tried three times", func() bool { return strings.Count(w.run("logs", "b").out, "began") == 3 })
	if b := w.ps("-a")["b.1"]; b.State != "exited" || b.ExitCode != 3 {
		t.Errorf("b is %s with %d", b.State, b.ExitCode)
	}
	if lines := strings.Split(w.must("logs", "--no-log-prefix", "a").out, "\n"); len(lines) > 1500 || !strings.Contains(strings.Join(lines, "\n"), "line 2999") {
		t.Errorf("%d lines of the log are kept, of 3000 that are more than it may hold", len(lines))
	}
	w.eventually("the full file is compressed", func() bool {
		_, err := os.Stat(filepath.Join(w.root(), "logs", id, "log.1.gz"))
		return err == nil
	})
	if _, there := w.ps("-a")["off.1"]; there {
		t.Error("a service of no active profile is there")
	}
	w.must("down")
}

// Intent: a limit that this machine's control groups cannot keep is refused by plan,
// by its name and before anything is touched; a default that nobody asked for is left out.
func TestLimitWithoutAController(t *testing.T) {
	w := newWorld(t, onCgroup2())
	if hasController("pids") {
		t.Skip("this machine has a pids controller")
	}
	w.file("stack.yaml", "services:\n  a: {image: stackup.test/busybox:1, pids_limit: 77, stop_grace_period: 0s}\n")
	for _, command := range []string{"plan", "up"} {
		if r := w.run(command); r.code != 1 || !strings.Contains(r.err, "a: pids_limit: this machine's control groups have no pids controller") {
			t.Errorf("%s: exit %d\n%s%s", command, r.code, r.out, r.err)
		}
	}
	w.file("stack.yaml", "services:\n  a: {image: stackup.test/busybox:1, stop_grace_period: 0s}\n")
	w.must("up", "-d")
	w.converged(1)
	w.must("down")
}

// Intent: what only control groups v1 can do of memory is so there, a zero too;
// with v2 it is refused before anything is touched.
func TestOldMemoryControls(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  a: {image: stackup.test/busybox:1, mem_limit: 64m, mem_swappiness: 10, oom_kill_disable: true, stop_grace_period: 0s}
  b: {image: stackup.test/busybox:1, mem_swappiness: 0, stop_grace_period: 0s}
  c: {image: stackup.test/busybox:1, stop_grace_period: 0s}
`)
	if _, err := os.Stat("/sys/fs/cgroup/memory/memory.swappiness"); err != nil {
		if r := w.run("up", "-d"); r.code != 1 || !strings.Contains(r.err, "a: mem_swappiness: this machine has control groups v2") || len(w.ps("-a")) > 0 {
			t.Errorf("exit %d:\n%s", r.code, r.err)
		}
		return
	}
	w.must("up", "-d")
	of := func(service, file string) string {
		return w.cgroupFile(w.ps()[service+".1"].ID, file, file)
	}
	whole, err := os.ReadFile("/sys/fs/cgroup/memory/memory.swappiness")
	check(t, err)
	for service, want := range map[string]string{"a": "10", "b": "0", "c": strings.TrimSpace(string(whole))} {
		if got := of(service, "memory.swappiness"); got != want {
			t.Errorf("%s: swappiness %s, want %s", service, got, want)
		}
	}
	for service, want := range map[string]string{"a": "oom_kill_disable 1", "b": "oom_kill_disable 0"} {
		if got := of(service, "memory.oom_control"); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %s", service, got, want)
		}
	}
	if out := w.must("config").out; strings.Count(out, "mem_swappiness") != 2 {
		t.Errorf("config shows mem_swappiness not twice:\n%s", out)
	}
	w.must("down")
}

// Intent: realtime processes get the time that their service asks for, of two
// replicas and after a restart too, and others get none; where the kernel does not
// divide it, that is refused before anything is touched.
func TestRealtime(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  a: {image: stackup.test/busybox:1, cpu_rt_runtime: 15000, cpu_rt_period: 100000, scale: 2, stop_grace_period: 0s}
  b: {image: stackup.test/busybox:1, stop_grace_period: 0s}
`)
	if _, err := os.Stat("/sys/fs/cgroup/cpu/cpu.rt_runtime_us"); err != nil {
		if r := w.run("up", "-d"); r.code != 1 || !strings.Contains(r.err, "service a: cpu_rt_runtime: this machine") || len(w.ps("-a")) > 0 {
			t.Errorf("exit %d:\n%s", r.code, r.err)
		}
		return
	}
	w.must("up", "-d")
	w.must("restart", "a")
	for name, row := range w.ps() {
		want, runtime := error(nil), "15000"
		if row.Service == "b" {
			want, runtime = syscall.EPERM, "0"
		}
		if got := w.cgroupFile(row.ID, "cpu.rt_runtime_us", ""); got != runtime {
			t.Errorf("%s has %s microseconds", name, got)
		}
		attr := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}
		pid, err := strconv.Atoi(w.cgroupFile(row.ID, "cgroup.procs", ""))
		check(t, err)
		if err := unix.SchedSetAttr(pid, attr, 0); !errors.Is(err, want) {
			t.Errorf("%s: a realtime process: %v, want %v", name, err, want)
		}
	}
	w.must("down")
}

// Intent: what the kernel cannot make is said before anything is touched.
func TestKernelLacks(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("stack.yaml", `
services:
  a: {image: stackup.test/busybox:1, volumes: ["far:/far"]}
  b: {image: stackup.test/busybox:1}
volumes: {far: {driver_opts: {type: no-such, device: x}}}
`)
	for _, command := range []string{"plan", "up"} {
		r := w.run(command)
		if r.code != 1 || !strings.Contains(r.err, "service a: volumes.far: this machine's kernel knows no file system no-such") {
			t.Errorf("%s: exit %d\n%s%s", command, r.code, r.out, r.err)
		}
	}
}

// Intent: a container cannot write more than its service may; what it has written
// is there after a stop, seen by cp too, and no loop device outlives it.
func TestStorageSize(t *testing.T) {
	w := newWorld(t)
	const stack = `
services:
  a: {image: stackup.test/busybox:1, storage_opt: {size: 16m}, stop_grace_period: 0s}
  b: {image: stackup.test/busybox:1, stop_grace_period: 0s}
`
	w.file("stack.yaml", stack)
	w.must("up", "-d")
	if r := w.run("exec", "-T", "a", "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=32"); r.code == 0 || !strings.Contains(r.err, "No space left on device") {
		t.Errorf("32 MB into 16: exit %d, %s%s", r.code, r.out, r.err)
	}
	w.must("exec", "-T", "b", "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=32")
	w.must("exec", "-T", "a", "sh", "-c", "rm /big; echo kept > /data")
	if out := w.must("exec", "-T", "a", "busybox", "stat", "-c", "%a %u", "/").out; out != "755 0\n" {
		t.Errorf("the root folder is %q", out)
	}
	w.must("stop")
	w.must("cp", "a:/data", "data")
	if b, err := os.ReadFile(filepath.Join(w.project, "data")); string(b) != "kept\n" || err != nil {
		t.Errorf("cp of what has stopped: %q, %v", b, err)
	}
	w.must("cp", "data", "a:/more")
	w.must("start")
	w.must("restart", "-t", "0", "a")
	if out := w.must("exec", "-T", "a", "cat", "/data", "/more").out; out != "kept\nkept\n" {
		t.Errorf("after all that there is %q", out)
	}
	if files := loopFiles(w.dir); len(files) != 1 {
		t.Errorf("loop devices of %v", files)
	}
	w.file("stack.yaml", strings.Replace(stack, "16m", "64m", 1))
	if out := w.must("plan").out; !strings.Contains(out, "storage_opt.size") {
		t.Errorf("a new size is planned as\n%s", out)
	}
	w.must("up", "-d")
	w.must("exec", "-T", "a", "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=32")
	w.must("down")
}

// rootDisk is a whole block device.
func rootDisk(t *testing.T) string {
	t.Helper()
	disks, _ := filepath.Glob("/sys/block/*")
	for _, d := range disks {
		path := "/dev/" + filepath.Base(d)
		if st, err := os.Stat(path); err == nil && st.Mode()&os.ModeDevice != 0 && !strings.HasPrefix(path, "/dev/zram") && !strings.HasPrefix(path, "/dev/loop") {
			return path
		}
	}
	t.Skip("no disk to limit the rate of")
	return ""
}
