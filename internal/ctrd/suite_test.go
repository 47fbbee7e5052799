//go:build e2e

package ctrd_test

import (
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"stackup.dev/stackup/internal/ctrd"
	"stackup.dev/stackup/internal/dev/ocipack"
	"stackup.dev/stackup/internal/enginetest"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/statedir"
)

const image = "stackup.test/busybox:1"

// The contract that the in-memory engine keeps, on a real containerd.
func TestSuite(t *testing.T) {
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	d := startEngine(t, filepath.Join(bin, "stackup"))
	libexec := filepath.Join(bin, "libexec/stackup")
	enginetest.Suite(t, func(t *testing.T) enginetest.Engine {
		log := slog.New(slog.DiscardHandler)
		e, err := ctrd.New(t.Context(), ctrd.Config{
			Address: d.Socket(), Dirs: d, Log: log, Network: network.New(d, libexec, log),
			RuntimeBin: filepath.Join(libexec, "runc"),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			e.RemoveShared()
			_ = e.Close()
		})
		return e
	}, image)
}

// startEngine runs the embedded engine with the image in it.
func startEngine(t *testing.T, program string) statedir.Dirs {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "su-") //nolint:usetesting // socket paths are limited
	if err != nil {
		t.Fatal(err)
	}
	d, err := statedir.New(filepath.Join(dir, "r"), filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) {
		t.Helper()
		out, err := exec.Command(program, append([]string{"--root", d.Root, "--state", d.State}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("stackup %v: %v\n%s", args, err, out)
		}
	}
	t.Cleanup(func() {
		run("engine", "stop")
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	run("engine", "start")
	archive := filepath.Join(t.TempDir(), "busybox.tar")
	pack(t, archive)
	run("images", "load", archive)
	return d
}

func pack(t *testing.T, path string) {
	t.Helper()
	bin, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatal(err)
	}
	layer, err := ocipack.Files(
		ocipack.File{Name: "bin/", Mode: 0o755}, ocipack.File{Name: "bin/busybox", Mode: 0o755, Data: bin},
		ocipack.File{Name: "bin/sh", Link: "busybox", Mode: 0o777}, ocipack.File{Name: "bin/sleep", Link: "busybox", Mode: 0o777})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img := ocipack.Image{Ref: image, Layers: []io.Reader{layer}, Config: v1.ImageConfig{Env: []string{"PATH=/bin"}}}
	if err := ocipack.Pack(f, img); err != nil {
		t.Fatal(err)
	}
}
