//go:build e2e

package e2e

import "testing"

// Intent: create makes everything and starts nothing; what runs goes on running
// until the next up.
func TestCreate(t *testing.T) {
	w := newWorld(t, only(embedded))
	stack := func(v string) string {
		return "services:\n  a: {image: \"stackup.test/busybox:1\", command: [sleep, \"100000\"], environment: {V: \"" + v + "\"}, stop_grace_period: 0s, volumes: [\"data:/data\"]}\nvolumes: {data: {}}\n"
	}
	w.file("stack.yaml", stack("1"))
	w.must("create")
	if ps := w.ps("-a"); len(ps) != 1 || ps["a.1"].State == "running" {
		t.Errorf("after create: %v", ps)
	}
	w.must("up", "-d")
	first := w.ps()["a.1"]
	if first.State != "running" {
		t.Errorf("after up: %v", first)
	}
	w.file("stack.yaml", stack("2"))
	w.must("up", "--no-start")
	if now := w.ps()["a.1"]; now.ID != first.ID || now.State != "running" {
		t.Errorf("create touched what runs: %v, then %v", first, now)
	}
	w.must("up", "-d")
	w.inside("a", map[string]string{"echo $V": "2"})
	w.converged(1)
	w.must("down", "-v")
}
