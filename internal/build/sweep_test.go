package build

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/statedir"
)

// Intent: what a daemon that was killed had mounted for a moment goes, and nothing that
// lies in it.
func TestClearTemp(t *testing.T) {
	dir := t.TempDir()
	d, err := statedir.New(filepath.Join(dir, "r"), filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	b := &Builder{Dirs: d}
	if err := b.clearTemp(); err != nil {
		t.Errorf("no folder: %v", err)
	}
	precious := filepath.Join(dir, "precious")
	for _, folder := range []string{precious, filepath.Join(b.temp(), "mount"), filepath.Join(b.temp(), "empty"), filepath.Join(b.temp(), "full/x")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(precious, "data"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(precious, filepath.Join(b.temp(), "mount"), "", unix.MS_BIND, ""); err != nil {
		t.Skip("this needs root: ", err)
	}
	if err := b.clearTemp(); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]bool{"mount": false, "empty": false, "full": true} {
		if _, err := os.Stat(filepath.Join(b.temp(), name)); (err == nil) != want {
			t.Errorf("%s is there: %t", name, !want)
		}
	}
	if _, err := os.Stat(filepath.Join(precious, "data")); err != nil {
		t.Error(err)
	}
}
