//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// Intent: an empty volume starts with what the image has at its place, and
// keeps what was written over recreation; down -v takes it away.
func TestVolumesStartWithTheImagesContent(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		leaks := w.leakCheck()
		stack := `
services:
  a:
    image: stackup.test/busybox:1
    environment: {ROUND: "1"}
    volumes: ["site:/www", "/etc"]
    stop_grace_period: 0s
volumes: {site: {}}
`
		w.file("stack.yaml", stack)
		w.must("up", "-d")
		read := func(path string) string { return strings.TrimSpace(w.must("exec", "-T", "a", "cat", path).out) }
		if got := read("/www/index.html"); got != "hello from busybox" {
			t.Errorf("named volume: %q", got)
		}
		if got := read("/etc/group"); !strings.Contains(got, "extra:x:2000:app") {
			t.Errorf("anonymous volume: %q", got)
		}
		w.must("exec", "-T", "a", "sh", "-c", "echo mine > /www/index.html; echo mine > /etc/own")
		w.file("stack.yaml", strings.Replace(stack, `"1"`, `"2"`, 1))
		w.must("up", "-d")
		if got := read("/www/index.html") + read("/etc/own"); got != "minemine" {
			t.Errorf("after recreation: %q", got)
		}
		w.must("down", "-v")
		leaks()
	})
}
