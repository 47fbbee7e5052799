//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// Intent: images are pinned to what their registry has, in the resolved file or
// in one to put over the stack's; no engine is started for that.
func TestConfigDigests(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.must("engine", "stop")
	reg := newRegistry(t)
	ref := reg.push(t, "app:1", 1000)
	pinned := strings.TrimSuffix(ref, ":1") + ":1@" + textAfter(reg.digest(t, ref), "@")
	w.file("stack.yaml", "services:\n  a: {image: \""+ref+"\"}\n")
	if out := w.must("config", "--resolve-image-digests").out; !strings.Contains(out, "image: "+pinned+"\n") || !strings.Contains(out, "networks:") {
		t.Errorf("no %s in:\n%s", pinned, out)
	}
	lock := filepath.Join(w.project, "stack.override.yaml")
	w.must("config", "--lock-image-digests", "-o", lock)
	if out := w.must("config").out; !strings.Contains(out, "image: "+pinned+"\n") {
		t.Errorf("the override file changes nothing:\n%s", out)
	}
	if out := w.must("config", "--no-interpolate", "--lock-image-digests").out; out != "services:\n  a:\n    image: "+pinned+"\n" {
		t.Errorf("locked:\n%s", out)
	}
	w.file("stack.override.yaml", "services:\n  a: {image: \""+ref+"0\"}\n")
	w.refused("service a: image "+ref+"0: ", "config", "--resolve-image-digests")
	if r := w.run("engine", "status"); !strings.Contains(r.out+r.err, "not running") {
		t.Errorf("an engine runs:\n%s%s", r.out, r.err)
	}
	w.must("engine", "start") // for the leak check
}

func textAfter(text, mark string) string {
	_, rest, _ := strings.Cut(text, mark)
	return rest
}
