//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
)

// imageNames are the names of all images, as images ls shows them.
func (w *world) imageNames() (out []string) {
	w.t.Helper()
	for line := range strings.Lines(w.must("images", "ls").out) {
		if f := strings.Fields(line); f[0] != "REPOSITORY" {
			out = append(out, f[0]+":"+f[1])
		}
	}
	slices.Sort(out)
	return out
}

// has fails the test unless there are exactly these images.
func (w *world) has(when string, want ...string) {
	w.t.Helper()
	if got := w.imageNames(); !slices.Equal(got, want) {
		w.t.Errorf("%s: images %q, want %q", when, got, want)
	}
}

// Intent: pull brings in what the registry has now, and up needs no registry after that.
func TestPullCommand(t *testing.T) {
	w := newWorld(t)
	reg := newRegistry(t)
	a, b := reg.push(t, "a:1", 1000), reg.push(t, "b:1", 1000)
	w.file("stack.yaml", "services:\n  a: {image: \""+a+"\", depends_on: [b], stop_grace_period: 0s}\n  b: {image: \""+b+"\", stop_grace_period: 0s}\n")
	if r := w.must("pull", "a"); !strings.Contains(r.err, "Image "+a+"  Pulled") || r.out != "" {
		t.Errorf("pull a: out %q, progress:\n%s", r.out, r.err)
	}
	w.has("after pull a", a, busyboxRef)
	w.must("pull", "-q", "--include-deps", "a")
	w.has("with dependencies", a, b, busyboxRef)
	moved := reg.push(t, "a:1", 2000)
	if r := w.must("pull", "--policy", "missing"); !strings.Contains(r.err, "nothing to pull, 2 here already") {
		t.Errorf("nothing is missing:\n%s", r.err)
	}
	w.must("up", "-d")
	if r := w.must("plan", "--exit-code"); r.code != 0 {
		t.Errorf("exit %d:\n%s", r.code, r.out)
	}
	w.must("pull")
	if r := w.run("plan", "--exit-code"); r.code != 2 || !strings.Contains(r.out, "image") {
		t.Errorf("%s has moved; plan: exit %d\n%s", moved, r.code, r.out)
	}
	reg.push(t, "a:1", 3000)
	if r := w.must("up", "-d", "--quiet-pull", "--pull", "always"); strings.Contains(r.err, "Pull") || !strings.Contains(r.err, "Started") {
		t.Errorf("it has moved again:\n%s", r.err)
	}
	w.converged(2)
	if r := w.run("up", "-d", "--pull", "seldom"); r.code != 1 || !strings.Contains(r.err, `--pull "seldom": use one of`) {
		t.Errorf("no policy: exit %d\n%s", r.code, r.err)
	}
	w.must("down")
	w.must("images", "rm", a, b)
}

// Intent: one image that cannot be had is named, and keeps no other from coming in.
func TestPullCommandFails(t *testing.T) {
	w := newWorld(t, only(embedded))
	reg := newRegistry(t)
	ref, none := reg.push(t, "a:1", 1000), reg.host+"/none:1"
	w.file("stack.yaml", "services:\n  a: {image: \""+ref+"\"}\n  b: {image: \""+none+"\"}\n  c: {image: \"localhost:1/gone:1\"}\n")
	for _, args := range [][]string{{"pull"}, {"pull", "-q"}} {
		r := w.run(args...)
		if r.code != 1 || strings.Count(r.err, none+"\": ") < 1 || !strings.Contains(r.err, "refused") {
			t.Errorf("%v: exit %d\n%s", args, r.code, r.err)
		}
		w.has("after a failure", ref, busyboxRef)
		w.must("images", "rm", ref)
	}
	r := w.must("pull", "--ignore-pull-failures")
	for _, want := range []string{none, "localhost:1/gone:1"} {
		if !strings.Contains(r.err, "note: image "+want+" was not pulled and is not on this machine") {
			t.Errorf("%s is not named:\n%s", want, r.err)
		}
	}
	w.must("images", "rm", ref)
	w.must("down")
}
