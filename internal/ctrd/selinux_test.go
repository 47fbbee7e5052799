package ctrd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/containerd/typeurl/v2"
	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// TestLabel: the whole tree gets the label, and nothing that a link leads to. A
// kernel without SELinux takes other attributes of root's.
func TestLabel(t *testing.T) {
	const attr = "trusted.stackup-test"
	dir, out := t.TempDir(), t.TempDir()
	if err := unix.Lsetxattr(dir, attr, []byte("x"), 0); err != nil {
		t.Skip("no attributes here: ", err)
	}
	below := filepath.Join(dir, "a", "b")
	for _, err := range []error{os.MkdirAll(below, 0o755), os.Symlink(out, filepath.Join(dir, "link"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := labelWith(dir, attr, "shared"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{dir: "shared", below: "shared", out: ""} {
		b := make([]byte, 64)
		n, err := unix.Lgetxattr(path, attr, b)
		if got := string(b[:max(n, 0)]); got != want {
			t.Errorf("%s: %q, %v, want %q", path, got, err, want)
		}
	}
	for _, path := range []string{"/", "/etc/", "/usr"} {
		if labelWith(path, attr, "shared") == nil {
			t.Errorf("%s was labelled", path)
		}
	}
}

// Intent: the root of a container that has a label for its mounts is mounted with
// it; where there is none, and where a folder is bound, nothing is added.
func TestLabelRoot(t *testing.T) {
	layers := []mount.Mount{{Type: "overlay", Options: []string{"lowerdir=/a"}}, {Type: "bind", Options: []string{"rbind"}}}
	for label, want := range map[string][]string{
		"":                      {"lowerdir=/a"},
		"u:object_r:t:s0:c1,c2": {"lowerdir=/a", `context="u:object_r:t:s0:c1,c2"`},
	} {
		s, err := typeurl.MarshalAny(&oci.Spec{Linux: &specs.Linux{MountLabel: label}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := labelRoot(layers, containers.Container{Spec: s})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got[0].Options); diff != "" {
			t.Errorf("%q: -want +got:\n%s", label, diff)
		}
		if len(got[1].Options) != 1 || len(layers[0].Options) != 1 {
			t.Errorf("%q: got %v from %v", label, got, layers)
		}
	}
}
