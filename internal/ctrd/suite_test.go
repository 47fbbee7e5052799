//go:build e2e

package ctrd_test

import (
	"cmp"
	"io"
	"log"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"stackup.dev/stackup/internal/build"
	"stackup.dev/stackup/internal/ctrd"
	"stackup.dev/stackup/internal/dev/ocipack"
	"stackup.dev/stackup/internal/enginetest"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/statedir"
)

const image = "stackup.test/busybox:1"

// TestMain lists TestSuite where internal/dev/worlds asks which tests need a world.
func TestMain(m *testing.M) {
	if path := os.Getenv("E2E_LIST"); path != "" {
		if err := os.WriteFile(path, []byte(`{"test": "TestSuite", "engines": ["embedded"], "slow": true}`), 0o600); err != nil {
			log.Fatal(err)
		}
		return
	}
	os.Exit(m.Run())
}

// The contract that the in-memory engine keeps, on a real containerd.
func TestSuite(t *testing.T) {
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	d, run := startEngine(t, filepath.Join(bin, "stackup"))
	images := makeImages(t, run)
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
		e.Builder = &build.Builder{Dirs: d, Libexec: libexec, Address: d.Socket(), Snapshotter: e.Snapshotter, Clear: e.ClearBuilds}
		t.Cleanup(func() {
			e.RemoveShared()
			_ = e.Close()
		})
		return e
	}, images)
}

// makeImages gives the cases their images: in a registry on loopback, in an archive,
// and under a name of that registry on the engine.
func makeImages(t *testing.T, run func(args ...string)) enginetest.Images {
	t.Helper()
	srv := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(srv.Close)
	host := strings.TrimPrefix(srv.URL, "http://")
	i := enginetest.Images{
		Present: image, Pullable: host + "/far:1", Pushable: host + "/given:1",
		Archive: filepath.Join(t.TempDir(), "packed.tar"), Archived: "stackup.test/packed:1",
	}
	pack(t, i.Archive, i.Archived)
	run("images", "tag", image, i.Pushable)
	far, err := random.Image(1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := far.Digest()
	if err != nil {
		t.Fatal(err)
	}
	i.Digest = digest.String()
	ref, err := name.ParseReference(i.Pullable)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, far); err != nil {
		t.Fatal(err)
	}
	return i
}

// startEngine runs the embedded engine with the image in it. run runs a command there.
func startEngine(t *testing.T, program string) (_ statedir.Dirs, run func(args ...string)) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", cmp.Or(os.Getenv("E2E_FOLDER"), "su-")) //nolint:usetesting // socket paths are limited
	if err != nil {
		t.Fatal(err)
	}
	d, err := statedir.New(filepath.Join(dir, "r"), filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	run = func(args ...string) {
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
	pack(t, archive, image)
	run("images", "load", archive)
	return d, run
}

// pack makes an archive with an image of busybox.
func pack(t *testing.T, path, ref string) {
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
	img := ocipack.Image{Ref: ref, Layers: []io.Reader{layer}, Config: v1.ImageConfig{Env: []string{"PATH=/bin"}}}
	if err := ocipack.Pack(f, img); err != nil {
		t.Fatal(err)
	}
}
