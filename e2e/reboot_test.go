//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Intent: after a start of the machine everything is back that its policy says,
// with networks, ports, names and secrets, what is depended on first.
func TestReboot(t *testing.T) {
	w := newWorld(t, slowly())
	w.file("token.txt", "hush")
	w.file(".env", "KEY=quiet\n")
	w.file("stack.yaml", `
services:
  web:
    image: stackup.test/busybox:1
    command: ["httpd", "-f", "-h", "/www"]
    ports: ["127.0.0.1:18091:80"]
    restart: unless-stopped
    depends_on: {db: {condition: service_healthy}}
    secrets: [token]
    stop_grace_period: 0s
  db:
    image: stackup.test/busybox:1
    command: ["sh", "-c", "date +%s.%N > /data/began; echo >> /runs; sleep 100000"]
    storage_opt: {size: 16m}
    healthcheck: {test: ["CMD", "true"], start_period: 5s, start_interval: 300ms, interval: 300ms}
    restart: always
    volumes: ["data:/data", "fast:/fast"]
    stop_grace_period: 0s
  keyed: {image: stackup.test/busybox:1, restart: always, secrets: [key], stop_grace_period: 0s}
  once: {image: stackup.test/busybox:1, stop_grace_period: 0s}
  off: {image: stackup.test/busybox:1, restart: always, scale: 2, stop_grace_period: 0s}
secrets: {token: {file: ./token.txt}, key: {environment: KEY}}
volumes: {data: {}, fast: {driver_opts: {type: tmpfs, device: tmpfs}}}
`)
	w.must("up", "-d", "--wait")
	w.must("create", "--scale", "off=3", "off") // one that never ran
	w.reboot()
	s := w.cmd("engine", "supervise")
	var said bytes.Buffer
	s.Stderr = &said
	check(t, s.Start())
	defer func() {
		if t.Failed() {
			s.Process.Kill()
			t.Logf("the supervisor has said:\n%s", said.String())
		}
	}()
	w.eventually("web answers on its port", func() bool {
		return command(t, 2*time.Second, "busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:18091/").Run() == nil
	})
	w.inside("web", map[string]string{"cat /run/secrets/token": "hush", "grep -c -w db /etc/hosts": "1"})
	w.inside("db", map[string]string{"grep -c ' /fast ' /proc/mounts": "1", "grep -c '' /runs": "2"})
	w.eventually("the replicas are back", func() bool { return w.ps("-a")["off.2"].State == "running" })
	for name, want := range map[string]string{"db.1": "running", "once.1": "exited", "off.1": "running", "off.3": "created"} {
		if got := w.ps("-a")[name].State; got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if r := w.must("plan", "--scale", "off=3"); !strings.Contains(r.out, "1 to replace, 2 to start, 7 unchanged") || !strings.Contains(r.out, "secrets.key") {
		t.Errorf("not all is as wanted but keyed, once and off.3:\n%s", r.out)
	}
	w.must("up", "-d", "keyed") // its secret is nowhere but in the caller's environment
	if got := w.helper("supervisor"); got != s.Process.Pid {
		t.Errorf("up has put supervisor %d in the place of %d", got, s.Process.Pid)
	}
	w.inside("keyed", map[string]string{"cat /run/secrets/key": "quiet"})
	w.must("down", "-v")
	stop(t, s, syscall.SIGTERM)
}

// Intent: after a start of the machine a container that does not run has its address and
// its port still, whoever is made meanwhile.
func TestAddressesAfterReboot(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  old: {image: stackup.test/busybox:1, ports: ["80"], stop_grace_period: 0s}
  asks: {image: stackup.test/busybox:1, networks: {chosen: {ipv4_address: 10.77.3.9}}, stop_grace_period: 0s}
networks: {chosen: {ipam: {config: [{subnet: 10.77.3.0/24}]}}}
`)
	other := `
name: other
services:
  new: {image: stackup.test/busybox:1, scale: 3, ports: ["80"], networks: [shop], stop_grace_period: 0s}
  thief: {image: stackup.test/busybox:1, networks: {chosen: {ipv4_address: 10.77.3.9}}, stop_grace_period: 0s}
networks: {shop: {external: true, name: shop_default}, chosen: {external: true, name: shop_chosen}}
`
	w.file("other.yaml", other)
	place := func() string {
		r := w.ps("-a")["old.1"]
		return fmt.Sprint(r.Addresses, r.Publishers)
	}
	w.must("up", "-d")
	before := place()
	w.reboot()
	w.must("-f", "other.yaml", "up", "-d", "new")
	w.refused("10.77.3.9 of network shop_chosen is in use by service asks of stack shop", "-f", "other.yaml", "up", "-d", "thief")
	w.must("up", "-d")
	if now := place(); now != before {
		t.Errorf("old is at %s, was at %s", now, before)
	}
	w.converged(2)
	w.must("-f", "other.yaml", "down")
	w.must("down")
}

// Intent: of two containers with one address, as an earlier version gave it away, both
// start after a start of the machine: one of them with another address, for good.
func TestTwoContainersWithOneAddress(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("stack.yaml", `
services:
  one: {image: stackup.test/busybox:1, stop_grace_period: 0s}
  two: {image: stackup.test/busybox:1, stop_grace_period: 0s}
`)
	w.must("up", "-d")
	addresses := func() (one, two string) {
		ps := w.ps("-a")
		return ps["one.1"].Addresses["shop_default"], ps["two.1"].Addresses["shop_default"]
	}
	shared, other := addresses()
	w.reboot()
	w.must("ps") // starts the engine
	w.relabel("two", "dev.stackup/endpoint", func(label string) string {
		if !strings.Contains(label, `"`+other+`/`) {
			t.Fatalf("%s is not in %s", other, label)
		}
		return strings.ReplaceAll(label, `"`+other+`/`, `"`+shared+`/`)
	})
	w.must("up", "-d")
	one, two := addresses()
	if one == two || one != shared && two != shared {
		t.Errorf("both were at %s, and are at %s and %s", shared, one, two)
	}
	w.converged(2)
	w.reboot()
	w.must("up", "-d")
	if o, t2 := addresses(); o != one || t2 != two {
		t.Errorf("they are at %s and %s, were at %s and %s", o, t2, one, two)
	}
	w.must("down")
}

// relabel changes a label of a service's container in containerd's own record.
func (w *world) relabel(service, label string, change func(string) string) {
	w.t.Helper()
	id := w.ps("-a")[service+".1"].ID
	ctx, c, closes := w.containerd()
	defer closes()
	rec, err := c.ContainerService().Get(ctx, id)
	check(w.t, err)
	rec.Labels[label] = change(rec.Labels[label])
	_, err = c.ContainerService().Update(ctx, rec, "labels."+label)
	check(w.t, err)
}

// reboot takes away all that a start of the machine does: processes, mounts,
// network, rules, and folders in memory.
func (w *world) reboot() {
	w.t.Helper()
	for _, pid := range w.allProcesses() {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	if w.daemon != nil {
		stop(w.t, w.daemon, syscall.SIGKILL)
	}
	w.eventually("all processes are gone", func() bool { return len(w.allProcesses()) == 0 })
	mounts := mountsBelow(w.dir)
	for i := len(mounts) - 1; i >= 0; i-- {
		check(w.t, syscall.Unmount(mounts[i], syscall.MNT_DETACH))
	}
	check(w.t, os.RemoveAll(w.state()))
	check(w.t, os.RemoveAll(filepath.Join(w.dir, "cs")))
	out, err := command(w.t, 20*time.Second, "ip", "-o", "link").Output()
	check(w.t, err)
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(line, ":"); strings.Contains(line, "alias stackup shop/") {
			must(w.t, "ip", "link", "del", strings.TrimSpace(f[1]))
		}
	}
	out, err = command(w.t, 20*time.Second, "nft", "list", "tables").Output()
	check(w.t, err)
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); f[len(f)-1] == namespaceOf(w.root()) {
			must(w.t, "nft", append([]string{"delete"}, f...)...)
		}
	}
	groups, _ := filepath.Glob("/sys/fs/cgroup/*/" + namespaceOf(w.root()) + "/*")
	for _, g := range append(groups, "/sys/fs/cgroup/"+namespaceOf(w.root())) {
		os.Remove(g)
		os.Remove(filepath.Dir(g)) // once it is empty
	}
	if w.daemon != nil {
		w.startDaemon()
	}
}

// allProcesses are those of this world, in containers and outside.
func (w *world) allProcesses() []int {
	var out []int
	for pid := range processesOf(w.dir) {
		out = append(out, pid)
	}
	groups, _ := filepath.Glob("/proc/[0-9]*/cgroup")
	for _, path := range groups {
		b, _ := os.ReadFile(path)
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && bytes.Contains(b, []byte("/"+namespaceOf(w.root())+"/")) {
			out = append(out, pid)
		}
	}
	return out
}
