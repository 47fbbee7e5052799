//go:build e2e

package e2e

import (
	"strings"
	"syscall"
	"testing"
)

// Intent: the machine's containerd is replaced by a newer one under a running
// stack; every command works on the containers that the old one started.
func TestEngineUpgrade(t *testing.T) {
	w := newWorld(t, only(containerdDeb))
	stack := `
services:
  web: {image: stackup.test/busybox:1, command: ["sh", "-c", "echo listening; exec httpd -f -p 80 -h /www"], ports: ["18085:80"], stop_grace_period: 0s}
  b: {image: stackup.test/busybox:1, environment: {LEVEL: info}, volumes: ["data:/data"], stop_grace_period: 0s}
volumes: {data: {}}
`
	w.file("stack.yaml", stack)
	w.must("up", "-d", "--wait")
	before := w.ps()
	pids := w.pidsOf("shop")
	w.upgrade(containerd24)
	for name, row := range w.ps() {
		if row.ID != before[name].ID || row.State != "running" {
			t.Errorf("%s after the upgrade: %+v, was %+v", name, row, before[name])
		}
	}
	w.get("http://127.0.0.1:18085/")
	if out := w.must("exec", "-T", "web", "cat", "/www/index.html").out; out != "hello from busybox\n" {
		t.Errorf("exec: %q", out)
	}
	if out := w.must("logs", "--no-log-prefix", "web").out; out != "listening\n" {
		t.Errorf("logs: %q", out)
	}
	w.must("up", "-d", "--wait")
	w.converged(2)
	if now := w.pidsOf("shop"); now != pids {
		t.Errorf("up touched the containers: processes %s, were %s", now, pids)
	}
	w.file("stack.yaml", strings.Replace(stack, "LEVEL: info", "LEVEL: debug", 1))
	w.must("up", "-d", "--wait")
	if now := w.ps(); now["b.1"].ID == before["b.1"].ID || now["web.1"].ID != before["web.1"].ID {
		t.Errorf("after the edit: %v, before: %v", now, before)
	}
	w.converged(2)
	w.must("down", "-v")
}

// upgrade stops the containerd and starts another on the same folders.
func (w *world) upgrade(to engineKind) {
	w.t.Helper()
	stop(w.t, w.daemon, syscall.SIGTERM)
	w.kind = to
	w.startDaemon()
}
