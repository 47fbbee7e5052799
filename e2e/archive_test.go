//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Intent: a machine that reaches no registry takes images out of the archives
// that the stack file names, when they are missing and only then.
func TestArchive(t *testing.T) {
	w := newWorld(t)
	const far = "registry.invalid/app:1"
	w.must("images", "tag", busyboxRef, far)
	w.must("images", "tag", busyboxRef, "stackup.test/beside:1")
	w.must("images", "save", "-o", filepath.Join(w.project, "app.tar"), far, "stackup.test/beside:1")
	w.must("images", "rm", far, "stackup.test/beside:1")
	w.dockerArchive("docker.tar", "registry.invalid/saved:1")
	w.file("stack.yaml", `
services:
  a: {image: "registry.invalid/app:1", x-stackup: {archive: ./app.tar}, stop_grace_period: 0s}
  b: {image: "registry.invalid/app:1", stop_grace_period: 0s}
  c: {image: "registry.invalid/saved:1", command: [/none], x-stackup: {archive: docker.tar}}
`)
	if r := w.run("plan"); strings.Count(r.out, "from app.tar") != 1 || strings.Count(r.out, "from docker.tar") != 1 {
		t.Errorf("plan:\n%s%s", r.out, r.err)
	}
	w.must("create")
	w.has("created", far, "registry.invalid/saved:1", busyboxRef) // and nothing else of the archive
	w.must("up", "-d", "a", "b")
	w.inside("b", map[string]string{"echo here": "here"})
	check(t, os.Remove(filepath.Join(w.project, "app.tar")))
	w.must("up", "-d", "--force-recreate", "a", "b")
	if out := w.must("pull", "a").out; out != "" {
		t.Errorf("pull: %s", out)
	}
	w.must("down")
	w.must("images", "rm", far, "registry.invalid/saved:1")
	w.refused("neither is its archive "+filepath.Join(w.project, "app.tar"), "up", "-d", "a")
	w.must("images", "save", "-o", filepath.Join(w.project, "app.tar"), busyboxRef)
	w.refused("it has no image registry.invalid/app:1, but "+busyboxRef, "up", "-d", "a")
	w.refused("it has no image registry.invalid/app:1, but "+busyboxRef, "pull", "a")
	w.file("app.tar", "no archive")
	w.refused("app.tar: ", "up", "-d", "a")
	w.must("down")
}

// dockerArchive makes an archive as docker save does.
func (w *world) dockerArchive(file, tag string) {
	w.t.Helper()
	ref, err := name.ParseReference(newRegistry(w.t).push(w.t, "saved:1", 1000))
	check(w.t, err)
	img, err := remote.Image(ref)
	check(w.t, err)
	as, err := name.NewTag(tag)
	check(w.t, err)
	check(w.t, tarball.WriteToFile(filepath.Join(w.project, file), as, img))
}
