package ctrd

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/internal/volume"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), -update writes it anew:\n%s", name, diff)
	}
}

// unconnected is an engine that can do all that needs no containerd.
func unconnected(t *testing.T) *Engine {
	t.Helper()
	d := statedir.Dirs{Root: filepath.Join(t.TempDir(), "r"), State: filepath.Join(t.TempDir(), "s")}
	return &Engine{
		Config:  Config{Dirs: d, Network: &network.Host{Dirs: d}, Snapshotter: "overlayfs"},
		volumes: volume.Mounts{Store: volume.Store{Dir: d.Volumes()}, Dirs: d, Mount: mountLocal},
	}
}

// box is the model of shop's first web container.
func box(change func(*spec.Service)) executor.ContainerSpec {
	c := executor.ContainerSpec{
		ID: "shop-web-1-1", Stack: "shop", Dir: "/srv/shop", Generation: 1, Name: "shop-web-1",
		Ref:    planner.Ref{Kind: planner.KindContainer, Name: "web", Index: 1},
		Digest: "sha256:d1", Hash: "h1",
		Service: spec.Service{Name: "web", Image: "docker.io/library/nginx:1", Replicas: 1},
	}
	if change != nil {
		change(&c.Service)
	}
	return c
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
