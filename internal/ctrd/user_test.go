package ctrd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// imageFiles is a root folder with users and groups.
func imageFiles(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	files := map[string]string{
		"passwd": "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/:/bin/sh\n",
		"group":  "root:x:0:\nbin:x:1:root\napp:x:1001:\nweb:x:33:app\nlog:x:4:root,app\n",
	}
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestWithUser(t *testing.T) {
	root := imageFiles(t)
	tests := []struct {
		user string
		want specs.User
	}{
		{"", specs.User{AdditionalGids: []uint32{0, 1, 4}}},
		{"app", specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{1001, 4, 33}}},
		{"1000", specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{1001, 4, 33}}},
		{"app:web", specs.User{UID: 1000, GID: 33, AdditionalGids: []uint32{33}}},
		{"1000:4", specs.User{UID: 1000, GID: 4, AdditionalGids: []uint32{4}}},
		{"4242", specs.User{UID: 4242, AdditionalGids: []uint32{0}}},
	}
	for _, tt := range tests {
		t.Run("user "+tt.user, func(t *testing.T) {
			s := &oci.Spec{Root: &specs.Root{Path: root}, Process: &specs.Process{}, Linux: &specs.Linux{}}
			if err := withUser(tt.user)(t.Context(), nil, &containers.Container{}, s); err != nil {
				t.Fatal(err)
			}
			sortGids := cmp.Transformer("set", func(ids []uint32) map[uint32]bool {
				out := map[uint32]bool{}
				for _, id := range ids {
					out[id] = true
				}
				return out
			})
			if diff := cmp.Diff(tt.want, s.Process.User, sortGids); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestWithUserNamesTheUserThatIsNotThere(t *testing.T) {
	for _, user := range []string{"nobody-here", "app:no-group", "a:b:c", "99999999999"} {
		s := &oci.Spec{Root: &specs.Root{Path: imageFiles(t)}, Process: &specs.Process{}, Linux: &specs.Linux{}}
		err := withUser(user)(t.Context(), nil, &containers.Container{}, s)
		if err == nil || !strings.Contains(err.Error(), user) {
			t.Errorf("user %q: %v", user, err)
		}
	}
}
