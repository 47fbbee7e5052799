package ctrd

import (
	"testing"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/typeurl/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestMountSources(t *testing.T) {
	s, err := typeurl.MarshalAny(&specs.Spec{Mounts: []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc"}, {Destination: "/data", Type: "bind", Source: "/v/shop_data/_data"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := mountSources(containers.Container{Spec: s})
	if diff := cmp.Diff([]string{"proc", "/v/shop_data/_data"}, got); err != nil || diff != "" {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	if got, err := mountSources(containers.Container{}); err != nil || got != nil {
		t.Errorf("without a spec: %v, %v", got, err)
	}
	if got, err := mountSources(containers.Container{Spec: anyValue{value: []byte("{")}}); err == nil { // its volumes must not be taken for unused
		t.Errorf("a damaged spec was taken: %v", got)
	}
}
