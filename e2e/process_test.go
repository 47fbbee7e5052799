//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// inside runs shell commands in a service's container, in the order of their texts,
// and compares what each prints, without the space around it, with a regular
// expression for the whole. All run in one exec, each in a subshell of its own.
func (w *world) inside(service string, want map[string]string) {
	w.t.Helper()
	const mark = "-- end of command --"
	commands := slices.Sorted(maps.Keys(want))
	var script strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&script, "(%s\n)\necho\necho '%s'\n", c, mark)
	}
	r := w.run("exec", "-T", service, "sh", "-c", script.String())
	printed := strings.Split(r.out, mark+"\n")
	if r.code != 0 || len(printed) != len(commands)+1 {
		w.t.Errorf("%s: %d of %d commands have printed, exit %d\n%s%s", service, len(printed)-1, len(commands), r.code, r.out, r.err)
		return
	}
	for i, c := range commands {
		if got := strings.TrimSpace(printed[i]); !regexp.MustCompile("^(?:" + want[c] + ")$").MatchString(got) {
			w.t.Errorf("%s: %s: %q, want %s (%s)", service, c, got, want[c], strings.TrimSpace(r.err))
		}
	}
}

// Intent: what a service says of its process and isolation is so, seen from inside.
func TestProcessAttributes(t *testing.T) {
	w := newWorld(t)
	w.file("profile.json", `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}`)
	w.file("stack.yaml", `
services:
  strict:
    image: stackup.test/busybox:1
    cap_drop: [ALL]
    cap_add: [CHOWN]
    security_opt: ["no-new-privileges:true", "seccomp=profile.json", "mask=/proc/cpuinfo", "unmask=/proc/timer_list:/proc/sys", "label=type:container_t"]
    group_add: [extra, "3000"]
    sysctls: {net.core.somaxconn: 777}
    ulimits: {nofile: {soft: 100, hard: 200}, core: 0}
    shm_size: 1m
    devices: ["/dev/null:/dev/nothing:rw"]
    oom_score_adj: 321
    stop_grace_period: 0s
`)
	w.must("up", "-d")
	w.inside("strict", map[string]string{
		"grep CapEff /proc/1/status":                        `CapEff:\s+0000000000000001`,
		"grep NoNewPrivs /proc/1/status":                    `NoNewPrivs:\s+1`,
		"touch /tmp/d && mkdir /tmp/e 2>&1 || true":         `.*(not permitted|not found).*`,
		"grep Groups: /proc/1/status":                       `Groups:\s+(0 )?2000 3000`,
		"cat /proc/sys/net/core/somaxconn":                  "777",
		"grep 'Max open files' /proc/1/limits":              `Max open files\s+100\s+200\s+files`,
		"grep 'Max core' /proc/1/limits":                    `Max core file size\s+0\s+0\s+bytes`,
		"grep ' /dev/shm ' /proc/mounts":                    `.*size=1024k.*`,
		"echo x > /dev/nothing && ls /dev/nothing":          "/dev/nothing",
		"cat /proc/1/oom_score_adj":                         "321",
		"cat /proc/cpuinfo":                                 "",
		"grep -c ' /proc/timer_list ' /proc/mounts || true": "0",
		"grep -c ' /proc/sys ' /proc/mounts || true":        "0",
		"grep -c ' /sys/firmware ' /proc/mounts":            "1",
	})
	w.converged(1)
	w.must("down")
}

// Intent: what a service says of names, its own and those of others, is so, seen from
// inside.
func TestNameAttributes(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  named:
    image: stackup.test/busybox:1
    hostname: inner
    domainname: example.test
    extra_hosts: {gate: host-gateway, there: 192.0.2.7}
    dns: [192.0.2.1, 192.0.2.2]
    dns_search: example.test
    dns_opt: ["ndots:3"]
    stop_grace_period: 0s
`)
	w.must("up", "-d")
	w.inside("named", map[string]string{
		"hostname":                            "inner",
		"cat /proc/sys/kernel/domainname":     "example.test",
		"grep -w there /etc/hosts":            `192.0.2.7\s+there`,
		"grep -w gate /etc/hosts":             `10\.\d+\.\d+\.1\s+gate`,
		"cat /etc/resolv.conf":                `(?s).*nameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch example.test\noptions ndots:3\noptions timeout:1 attempts:2`,
		"grep -c nameserver /etc/resolv.conf": "3", // the gateway before them
	})
	w.converged(1)
	w.must("down")
}

// Intent: a privileged service with the host's namespaces sees the host.
func TestNamespacesOfTheHost(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  loose:
    image: stackup.test/busybox:1
    privileged: true
    pid: host
    uts: host
    ipc: host
    stop_grace_period: 0s
`)
	w.must("up", "-d")
	host, err := os.Hostname()
	check(t, err)
	w.inside("loose", map[string]string{
		"grep Seccomp: /proc/self/status":              `Seccomp:\s+0`,
		"hostname":                                     regexp.QuoteMeta(host),
		"ls -d /proc/" + strconv.Itoa(os.Getpid()):     "/proc/" + strconv.Itoa(os.Getpid()),
		"grep -c ' /proc/kcore ' /proc/mounts || true": "0",
	})
	w.converged(1)
	w.must("down")
}

// Intent: a service with tty has a terminal, and its output is in the logs.
func TestTerminalOfAService(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  term:
    image: stackup.test/busybox:1
    command: ["sh", "-c", "ls -l /proc/self/fd/1; sleep 100000"]
    tty: true
    stdin_open: true
    stop_grace_period: 0s
`)
	w.must("up", "-d")
	w.eventually("the terminal's output is there", func() bool {
		return strings.Contains(w.must("logs", "--no-log-prefix", "term").out, "/dev/pts/0")
	})
	w.converged(1)
	w.must("down")
}

// Intent: a service may have no network, or the host's.
func TestNetworkModes(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  alone: {image: stackup.test/busybox:1, network_mode: none, extra_hosts: {there: 192.0.2.7}, stop_grace_period: 0s}
  open: {image: stackup.test/busybox:1, network_mode: host, command: ["httpd", "-f", "-p", "18097", "-h", "/www"], stop_grace_period: 0s}
`)
	w.must("up", "-d")
	w.inside("alone", map[string]string{"ls /sys/class/net": "lo", "grep -w there /etc/hosts": `192.0.2.7\s+there`})
	if page := w.get("http://127.0.0.1:18097/"); !strings.Contains(page, "hello") {
		t.Errorf("page by the host's network: %q", page)
	}
	first := w.ps()
	w.must("up", "-d", "--force-recreate", "open")
	w.get("http://127.0.0.1:18097/")
	if now := w.ps(); now["open.1"].ID == first["open.1"].ID || now["alone.1"].ID != first["alone.1"].ID {
		t.Errorf("recreated: %v, was %v", now, first)
	}
	w.must("down")
}

// cgroupFile reads a limit of a container, by its name on either version.
func (w *world) cgroupFile(id, v1, v2 string) string {
	w.t.Helper()
	group := filepath.Join(namespaceOf(w.root()), id) // other worlds have containers of this name too
	for _, pattern := range []string{"/sys/fs/cgroup/*/" + group + "/" + v1, "/sys/fs/cgroup/" + group + "/" + v2} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			b, err := os.ReadFile(found[0])
			check(w.t, err)
			return strings.TrimSpace(string(b))
		}
	}
	w.t.Errorf("%s has neither %s nor %s", id, v1, v2)
	return ""
}

// Intent: limits are in the control group, and a changed one is changed there,
// without a new container.
func TestResourceLimits(t *testing.T) {
	w := newWorld(t)
	needsControllers(t, "cpu", "cpuset", "memory", "pids")
	stack := func(limits string) {
		w.file("stack.yaml", "services:\n  a: {image: stackup.test/busybox:1, stop_grace_period: 0s"+limits+"}\n")
	}
	expect := func(when string, want [4]string) {
		t.Helper()
		id := w.ps()["a.1"].ID
		got := [4]string{
			w.cgroupFile(id, "memory.limit_in_bytes", "memory.max"), w.cgroupFile(id, "cpu.cfs_quota_us", "cpu.max"),
			w.cgroupFile(id, "pids.max", "pids.max"), w.cgroupFile(id, "cpuset.cpus", "cpuset.cpus"),
		}
		for i := range got {
			if !regexp.MustCompile("^(?:" + want[i] + ")$").MatchString(got[i]) {
				t.Errorf("%s: memory, quota, processes, CPUs: %q, want %q", when, got, want)
			}
		}
	}
	stack(", mem_limit: 64m, cpus: 0.5, pids_limit: 77, cpuset: '0'")
	w.must("up", "-d")
	first := w.ps()["a.1"]
	expect("at first", [4]string{"67108864", "50000( 100000)?", "77", "0"})

	stack(", mem_limit: 96m, deploy: {resources: {limits: {cpus: '0.25'}}}")
	r := w.run("plan", "--exit-code")
	if r.code != 2 || !strings.Contains(r.out, `cpus: "0.5" -> "0.25"`) || strings.Contains(r.out, "create") {
		t.Errorf("plan of a changed limit: exit %d\n%s", r.code, r.out)
	}
	w.must("up", "-d")
	if now := w.ps()["a.1"]; now.ID != first.ID {
		t.Errorf("a changed limit made a new container %s", now.ID)
	}
	expect("changed", [4]string{"100663296", "25000( 100000)?", "4096", "0-.*"})

	w.file("job.yaml", "name: job\nservices:\n  a: {image: stackup.test/busybox:1, command: ['true'], mem_limit: 64m}\n")
	w.must("-f", "job.yaml", "up", "-d")
	w.file("job.yaml", "name: job\nservices:\n  a: {image: stackup.test/busybox:1, command: ['true'], mem_limit: 65m}\n")
	w.must("-f", "job.yaml", "up", "-d") // of one that has ended the next start has them
	w.must("-f", "job.yaml", "down")

	stack("")
	w.must("up", "-d")
	expect("lifted", [4]string{`\d{16,}|max`, `-1|max 100000`, "4096", "0-.*"})
	if r := w.run("plan", "--exit-code"); r.code != 0 {
		t.Errorf("plan after up: exit %d\n%s", r.code, r.out)
	}
	w.must("down")
}
