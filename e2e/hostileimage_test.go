//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"stackup.dev/stackup/internal/dev/ocipack"
)

// loadOdd loads an image of busybox with a configuration, and with a FIFO at a path
// unless that is empty.
func (w *world) loadOdd(ref string, config v1.ImageConfig, fifo string) {
	w.t.Helper()
	bin, err := os.ReadFile("/bin/busybox")
	check(w.t, err)
	below, err := ocipack.Files(
		ocipack.File{Name: "bin/", Mode: 0o755}, ocipack.File{Name: "etc/", Mode: 0o755},
		ocipack.File{Name: "bin/busybox", Mode: 0o755, Data: bin}, ocipack.File{Name: "bin/sleep", Link: "busybox", Mode: 0o777})
	check(w.t, err)
	layers := []io.Reader{below}
	if fifo != "" {
		var b bytes.Buffer
		t := tar.NewWriter(&b)
		check(w.t, t.WriteHeader(&tar.Header{Typeflag: tar.TypeFifo, Name: fifo, Mode: 0o644}))
		check(w.t, t.Close())
		layers = append(layers, &b)
	}
	f, err := os.Create(filepath.Join(w.dir, "odd.tar"))
	check(w.t, err)
	defer f.Close()
	check(w.t, ocipack.Pack(f, ocipack.Image{Ref: ref, Layers: layers, Config: config}))
	w.must("images", "load", f.Name())
}

// Intent: an image whose stop signal is none has its containers stopped by SIGTERM, as
// docker does, with a note.
func TestImageWithoutARealStopSignal(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.loadOdd("stackup.test/odd:1", v1.ImageConfig{Cmd: []string{"sleep", "100000"}, Env: []string{"PATH=/bin"}, StopSignal: "SIGNONSENSE"}, "")
	w.file("stack.yaml", "services:\n  a: {image: \"stackup.test/odd:1\", init: true, environment: {V: \"${V}\"}}\n")
	w.env = append(w.env, "V=1")
	if up := w.must("up", "-d"); !strings.Contains(up.err, `"SIGNONSENSE"`) || !strings.Contains(up.err, "SIGTERM") {
		t.Errorf("up says:\n%s", up.err)
	}
	w.env = append(w.env, "V=2")
	w.must("up", "-d")
	w.must("restart")
	w.converged(1)
	w.must("down", "--rmi", "all")
}

// Intent: an image whose file of users is a FIFO is refused, and hangs nothing.
func TestImageWhosePasswdIsAFIFO(t *testing.T) {
	w := newWorld(t, only(embedded))
	for _, file := range []string{"etc/passwd", "etc/group"} {
		w.loadOdd("stackup.test/odd:1", v1.ImageConfig{Cmd: []string{"sleep", "100000"}, Env: []string{"PATH=/bin"}}, file)
		w.file("stack.yaml", "services:\n  a: {image: \"stackup.test/odd:1\", user: someone, stop_grace_period: 0s}\n")
		w.refused("/"+file, "up", "-d")
		w.must("down", "--rmi", "all")
	}
}
