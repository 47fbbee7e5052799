package ctrd

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/typeurl/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"stackup.dev/stackup/spec"
)

func TestLocalMount(t *testing.T) {
	server := func(_ context.Context, name string) (netip.Addr, error) {
		if name != "storage.test" {
			return netip.Addr{}, errors.New("no such host")
		}
		return netip.MustParseAddr("192.0.2.7"), nil
	}
	for name, tt := range map[string]struct {
		in   spec.LocalMount
		want mount.Mount
		err  string
	}{
		"bind":        {spec.LocalMount{Type: "none", Device: "/a", Options: "bind,ro"}, mount.Mount{Type: "none", Source: "/a", Options: []string{"bind", "ro"}}, ""},
		"memory":      {spec.LocalMount{Type: "tmpfs", Device: "tmpfs", Options: "size=10m, uid=1000,"}, mount.Mount{Type: "tmpfs", Source: "tmpfs", Options: []string{"size=10m", "uid=1000"}}, ""},
		"no options":  {spec.LocalMount{Type: "ext4", Device: "/dev/x"}, mount.Mount{Type: "ext4", Source: "/dev/x"}, ""},
		"nfs by name": {spec.LocalMount{Type: "nfs", Device: ":/a", Options: "addr=storage.test,rw,nfsvers=4"}, mount.Mount{Type: "nfs", Source: ":/a", Options: []string{"addr=192.0.2.7", "rw", "nfsvers=4"}}, ""},
		"no server":   {spec.LocalMount{Type: "nfs", Device: ":/a", Options: "addr=lost.test"}, mount.Mount{}, "addr=lost.test: no such host"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := localMount(t.Context(), tt.in, server)
			if diff := cmp.Diff(tt.want, got); diff != "" || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("%v, -want +got:\n%s", err, diff)
			}
		})
	}
}

// TestFileSystemThatIsNotThere: whatever the kernel says, the mount is named.
func TestFileSystemThatIsNotThere(t *testing.T) {
	err := mountLocal(t.Context(), spec.LocalMount{Type: "nosuchfs", Device: "x", Options: "password=hidden"}, t.TempDir())
	if err == nil {
		t.Fatal("it was mounted")
	}
	if strings.Contains(err.Error(), "hidden") {
		t.Errorf("the password shows: %v", err)
	}
	if !strings.Contains(err.Error(), "this machine's kernel knows no file system nosuchfs") && !errors.Is(err, os.ErrPermission) {
		t.Error(err)
	}
}

func TestVolumesIn(t *testing.T) {
	const dir = "/r <o>/volumes"
	s, err := typeurl.MarshalAny(&specs.Spec{
		Process: &specs.Process{Env: []string{`X="source":"/r <o>/volumes/trap/_data"`}},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc"},
			{Destination: "/a", Source: dir + "/shop_data/_data"},
			{Destination: "/b", Source: dir + "/more/_data/sub"},
			{Destination: "/c", Source: dir + "/shop_data/_data/x"},
			{Destination: dir + "/none/", Source: "/x"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := volumesIn(containers.Container{Spec: s}, dir)
	if diff := cmp.Diff([]string{"shop_data", "more"}, got); err != nil || diff != "" {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	if got, err := volumesIn(containers.Container{}, dir); err != nil || got != nil {
		t.Errorf("without a spec: %v, %v", got, err)
	}
}
