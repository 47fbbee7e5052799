//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// Intent: containers share network, processes and memory with another, and are
// started again when that is.
func TestNamespacesOfOthers(t *testing.T) {
	w := newWorld(t)
	const stack = `
services:
  base:
    image: stackup.test/busybox:1
    command: ["sh", "-c", "httpd -p 8099 -h /www; echo $$V > /dev/shm/left; sleep 100000"]
    environment: {V: "1"}
    ipc: shareable
    shm_size: 2m
    hostname: inner
    stop_grace_period: 0s
  side:
    image: stackup.test/busybox:1
    network_mode: service:base
    ipc: service:base
    pid: service:base
    stop_grace_period: 0s
  far:
    image: stackup.test/busybox:1
    network_mode: container:shop-side-1
    depends_on: [side]
    stop_grace_period: 0s
  plain:
    image: stackup.test/busybox:1
    network_mode: bridge
    stop_grace_period: 0s
`
	w.file("stack.yaml", stack)
	w.must("up", "-d")
	page := "wget -q -O - http://127.0.0.1:8099/"
	w.inside("side", map[string]string{
		page:                              "hello from busybox",
		"cat /dev/shm/left":               "1",
		"grep ' /dev/shm ' /proc/mounts":  `.*size=2048k.*`,
		"ps -o args | grep -c '[h]ttpd'":  "1",
		"hostname":                        "inner",
		"grep -c inner /etc/hosts":        "1",
		"ls /proc/1/root/etc/passwd":      "/proc/1/root/etc/passwd",
		"head -n 1 /etc/resolv.conf >&2;": "",
	})
	w.inside("far", map[string]string{page: "hello from busybox"})
	w.inside("plain", map[string]string{page + " 2>/dev/null || echo none": "none"})
	if r := w.must("up", "-d"); !strings.Contains(r.out+r.err, "nothing to do") {
		t.Errorf("a second up does something:\n%s%s", r.out, r.err)
	}
	w.file("stack.yaml", strings.Replace(stack, `V: "1"`, `V: "2"`, 1))
	w.must("up", "-d")
	w.inside("side", map[string]string{page: "hello from busybox", "cat /dev/shm/left": "2"})
	w.must("down")
}
