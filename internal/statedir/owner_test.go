package statedir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckOwner: folders that others own or may write to are refused, and so is a file.
func TestCheckOwner(t *testing.T) {
	dir := func(mode os.FileMode) string {
		path := filepath.Join(t.TempDir(), "d")
		check(t, os.Mkdir(path, 0o700))
		check(t, os.Chmod(path, mode))
		return path
	}
	good := dir(0o700)
	file := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(file, nil, 0o600))
	link := filepath.Join(t.TempDir(), "link")
	check(t, os.Symlink(dir(0o777), link))
	tests := []struct {
		root, state, want string
	}{
		{good, dir(0o755), ""},
		{filepath.Join(good, "not", "there"), good, ""},
		{good, dir(0o775), "others may write to the state folder"},
		{dir(0o707), good, "others may write to the root folder"},
		{dir(0o1777), good, "others may write to the root folder"},
		{link, good, "others may write to the root folder"},
		{file, good, "is no folder"},
		{filepath.Join(file, "below"), good, "not a directory"},
	}
	if os.Geteuid() == 0 {
		theirs := dir(0o700)
		check(t, os.Chown(theirs, 1000, 1000))
		tests = append(tests, struct{ root, state, want string }{theirs, good, "belongs to user 1000"})
	}
	for _, tt := range tests {
		err := Dirs{Root: tt.root, State: tt.state}.CheckOwner()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("root %s, state %s: %v, want %q", tt.root, tt.state, err, tt.want)
		}
	}
}
