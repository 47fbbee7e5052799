//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Intent: pre_start runs containers to their end before those of the service,
// with its volumes; one that fails leaves what serves as it is.
func TestPreStart(t *testing.T) {
	w := newWorld(t)
	const stack = `
services:
  web:
    image: stackup.test/busybox:1
    environment: {V: "1"}
    volumes: ["data:/data", /own]
    scale: 2
    stop_grace_period: 0s
    pre_start:
      - {command: ["sh", "-c", "echo once $$V >> /data/log"], user: root}
      - {command: ["sh", "-c", "hostname >> /data/log; touch /own/mark"], per_replica: true}
volumes: {data: {}}
jobs:
  count: {image: stackup.test/busybox:1, command: ["grep", "-c", "", "/data/log"], volumes: ["data:/data"], triggers: {manual: true}}
  never: {image: stackup.test/busybox:1, triggers: {manual: false}}
`
	w.file("stack.yaml", stack)
	w.must("up", "-d")
	log := func() []string {
		return strings.Fields(strings.ReplaceAll(w.must("exec", "-T", "web", "cat", "/data/log").out, "once ", "once-"))
	}
	if got := log(); len(got) != 3 || got[0] != "once-1" || got[1] == got[2] {
		t.Errorf("hooks have run as %q", got)
	}
	w.inside("web", map[string]string{"ls /own": "mark"})
	if r := w.must("up", "-d"); !strings.Contains(r.out+r.err, "nothing to do") {
		t.Errorf("a second up does something:\n%s%s", r.out, r.err)
	}
	if r := w.must("run", "--rm", "-T", "count"); strings.TrimSpace(r.out) != "3" {
		t.Errorf("the job says %q", r.out)
	}
	if r := w.run("run", "--rm", "never"); r.code == 0 || !strings.Contains(r.err, "triggers.manual") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	w.file("stack.yaml", strings.NewReplacer("echo once $$V >> /data/log", "echo no way; exit 3", `V: "1"`, `V: "2"`).Replace(stack))
	if r := w.run("up", "-d"); r.code == 0 || !strings.Contains(r.err, "exited (3): no way") {
		t.Errorf("exit %d, and not told why:\n%s", r.code, r.err)
	}
	w.inside("web", map[string]string{"echo $V": "1"})
	w.file("stack.yaml", strings.Replace(stack, `V: "1"`, `V: "2"`, 1))
	w.must("up", "-d")
	if got := log(); len(got) != 6 || got[3] != "once-2" {
		t.Errorf("hooks have run as %q", got)
	}
	if names := w.ps("-a"); len(names) != 2 {
		t.Errorf("more containers than replicas: %v", names)
	}
	w.must("down", "-v")
}

// Intent: up killed while a hook runs: the next up takes that away before it
// runs hooks again, also when they have changed.
func TestKilledDuringPreStart(t *testing.T) {
	w := newWorld(t, only(embedded))
	const stack = `
services:
  web:
    image: stackup.test/busybox:1
    environment: {V: "1"}
    volumes: ["data:/data"]
    stop_grace_period: 0s
    pre_start: [{command: ["sh", "-c", "touch /data/began; while [ $$V = 1 ]; do date > /data/alive; sleep 0.1; done"]}]
volumes: {data: {}}
`
	w.file("stack.yaml", stack)
	c := w.cmd("up", "-d")
	check(t, c.Start())
	data := filepath.Join(w.root(), "volumes/shop_data/_data")
	w.eventually("the hook runs", func() bool { _, err := os.Stat(filepath.Join(data, "alive")); return err == nil })
	check(t, c.Process.Kill())
	c.Wait()
	w.file("stack.yaml", strings.Replace(stack, `V: "1"`, `V: "2"`, 1))
	w.must("up", "-d")
	if hooks := processesOf("touch /data/began"); len(hooks) > 0 {
		t.Errorf("the hook of the killed run goes on: %v", hooks)
	}
	if names := w.ps("-a"); len(names) != 1 {
		t.Errorf("more than the one replica: %v", names)
	}
	w.must("down", "-v")
}
