package ctrd

import (
	"testing"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/typeurl/v2"
	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"stackup.dev/stackup/spec"
)

// TestLendable: folders and volumes, and nothing that is the container's own.
func TestLendable(t *testing.T) {
	folder, volume, declared := "/srv/a", "/v/shop_data/_data", "/v/0123/_data"
	s, err := typeurl.MarshalAny(&specs.Spec{Mounts: []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc"},
		{Destination: "/etc/hosts", Type: "bind", Source: "/run/c/hosts"},
		{Destination: "/a", Type: "bind", Source: folder},
		{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs"},
		{Destination: "/data", Type: "bind", Source: volume},
		{Destination: "/declared", Type: "bind", Source: declared},
		{Destination: "/run/secrets/s", Type: "bind", Source: "/run/g/0"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	ext, err := stored{Service: spec.Service{Mounts: []spec.Mount{
		{Type: spec.MountBind, Source: folder, Target: "/a"}, {Type: spec.MountTmpfs, Target: "/tmp"}, {Type: spec.MountVolume, Source: "data", Target: "/data"},
	}}}.marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := lendable(containers.Container{Spec: s, Extensions: map[string]typeurl.Any{extensionKey: ext}}, "/v")
	var sources []string
	for _, m := range got {
		sources = append(sources, m.Source)
	}
	if diff := cmp.Diff([]string{folder, volume, declared}, sources); err != nil || diff != "" {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
}
