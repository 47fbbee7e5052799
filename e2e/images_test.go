//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Intent: what is saved can be loaded, under all names it was saved by; also
// of an image of which only one platform is here.
func TestSaveAndTag(t *testing.T) {
	w := newWorld(t)
	reg := newRegistry(t)
	many := reg.pushIndex(t, "many:1")
	w.file("stack.yaml", "services:\n  a: {image: \""+many+"\", stop_grace_period: 0s}\n")
	w.must("pull")
	w.must("images", "tag", busyboxRef, "stackup.test/other:2")
	w.must("images", "tag", many, "stackup.test/again:1")
	w.must("images", "tag", busyboxRef, "stackup.test/again:1") // a tag moves
	all := []string{many, "stackup.test/again:1", busyboxRef, "stackup.test/other:2"}
	w.has("tagged", all...)
	archive := filepath.Join(w.dir, "all.tar")
	w.must(append([]string{"images", "save", "-o", archive}, all...)...)
	out := w.must("images", "save", busyboxRef).out
	if len(out) < 100_000 {
		t.Errorf("to standard output: %d bytes", len(out))
	}
	w.must("images", "prune", "-a", "-f")
	w.has("after prune -a")
	w.must("images", "load", archive)
	w.has("loaded", all...)
	w.must("up", "-d", "--wait") // with no registry in use
	w.converged(1)
	w.must("down")
	w.must("images", "rm", many, "stackup.test/again:1", "stackup.test/other:2")
}

// pushIndex makes an image for this platform and for two that nobody here has.
func (r *testRegistry) pushIndex(t *testing.T, ref string) string {
	t.Helper()
	full := r.push(t, ref, 1000)
	parsed, err := name.ParseReference(full)
	check(t, err)
	img, err := remote.Image(parsed)
	check(t, err)
	own, err := img.ConfigFile()
	check(t, err)
	index := ggcr.ImageIndex(empty.Index)
	for _, arch := range []string{"386", machine(t), "s390x"} {
		c := own.DeepCopy()
		c.OS, c.Architecture = "linux", arch
		one, err := mutate.ConfigFile(img, c)
		check(t, err)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: one, Descriptor: ggcr.Descriptor{Platform: &ggcr.Platform{OS: "linux", Architecture: arch}},
		})
	}
	check(t, remote.WriteIndex(parsed, index))
	return full
}

func machine(t *testing.T) string {
	t.Helper()
	out, err := command(t, time.Minute, "go", "env", "GOARCH").Output()
	check(t, err)
	return strings.TrimSpace(string(out))
}

// Intent: what cannot be saved or tagged is named, and no half of a file stays.
func TestSaveAndTagFail(t *testing.T) {
	w := newWorld(t, only(embedded))
	archive := filepath.Join(w.project, "all.tar")
	for want, args := range map[string][]string{
		"no image docker.io/library/none:latest on this machine":            {"images", "save", "-o", archive, busyboxRef, "none"},
		"no image docker.io/library/none:1 on this machine":                 {"images", "tag", "none:1", "some:1"},
		"a new name cannot have a digest":                                   {"images", "tag", busyboxRef, "some@sha256:" + strings.Repeat("0", 64)},
		"must be lowercase":                                                 {"images", "tag", busyboxRef, "Some"},
		filepath.Join(w.project, "none") + "/.x.tar":                        {"images", "save", "-o", filepath.Join(w.project, "none", "x.tar"), busyboxRef},
		"standard input is no terminal to ask on: give --force to go ahead": {"images", "prune", "-a"},
		"must be always or missing":                                         {"pull", "--policy", "often"},
	} {
		if r := w.run(args...); r.code != 1 || !strings.Contains(r.err, want) {
			t.Errorf("%v: exit %d, want %q:\n%s", args, r.code, want, r.err)
		}
	}
	if left, err := os.ReadDir(w.project); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	w.has("after all that", busyboxRef)
}

// Intent: prune takes what no container uses and says what that has freed.
func TestPruneImages(t *testing.T) {
	w := newWorld(t)
	reg := newRegistry(t)
	ref := reg.push(t, "big:1", 3_000_000)
	bare := reg.digest(t, reg.push(t, "bare:1", 2_000_000))
	w.file("stack.yaml", "services:\n  a: {image: \""+bare+"\", stop_grace_period: 0s}\n  b: {image: \""+ref+"\", stop_grace_period: 0s}\n")
	w.must("up", "-d", "a")
	w.must("pull")
	if out := w.must("images", "prune", "-f").out; out != "Total reclaimed space: 0B\n" {
		t.Errorf("all that has no tag is in use:\n%s", out)
	}
	out := w.must("images", "prune", "-a", "-f").out
	for _, want := range []string{"Deleted Images:\n", "untagged: " + ref + "\n", "untagged: " + busyboxRef + "\n", "deleted: sha256:", "Total reclaimed space: "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if _, freed, _ := strings.Cut(out, "space: "); !strings.HasSuffix(freed, "MB\n") || strings.Contains(out, bare) {
		t.Errorf("more than 6 MB went, and not the image in use:\n%s", out)
	}
	if a := w.ps()["a.1"]; a.State != "running" {
		t.Errorf("the container of the image that stays: %+v", a)
	}
	w.must("down")
	if out := w.must("images", "prune", "-f").out; !strings.Contains(out, "untagged: "+bare+"\n") {
		t.Errorf("not used any more:\n%s", out)
	}
	w.has("after all")
	w.must("images", "load", busyboxImage)
}

// digest is the name by digest of what was pushed.
func (r *testRegistry) digest(t *testing.T, ref string) string {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	check(t, err)
	d, err := remote.Head(parsed)
	check(t, err)
	return parsed.Context().Name() + "@" + d.Digest.String()
}

// Intent: on a terminal prune asks, and takes no for an answer; save does not
// pour an archive over it.
func TestAskingOnATerminal(t *testing.T) {
	w := newWorld(t, only(embedded))
	for _, c := range []struct{ args, answer, want string }{
		{"images prune -a", "n", "Are you sure you want to continue? [y/N]"},
		{"images save " + busyboxRef, "", "standard output is a terminal"},
		{"images prune -a", "y", "Total reclaimed space: "},
	} {
		w.has("before "+c.args, busyboxRef)
		if out := w.onTerminal(c.args, c.answer); !strings.Contains(out, c.want) {
			t.Errorf("%s, answered %q: %q", c.args, c.answer, out)
		}
	}
	w.has("after yes")
	w.must("images", "load", busyboxImage)
}

// onTerminal runs a command on a terminal of its own, made by script(1).
func (w *world) onTerminal(args, answer string) string {
	w.t.Helper()
	c := w.cmd()
	c.Path, c.Args = "/usr/bin/script", []string{"script", "-qec", stackup + " " + args, "/dev/null"}
	c.Stdin = strings.NewReader(answer + "\n")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	c.Run() // the output is what matters
	return out.String()
}
