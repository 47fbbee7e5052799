package ctrd

import (
	"os"
	"path/filepath"
	"testing"

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
