package main

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want call
	}{
		{[]string{"-namespace", "ns", "-address", "/a.sock", "-publish-binary", "", "-id", "x", "-bundle", "/b", "delete"}, call{"ns", "x", "/b", "delete"}},
		{[]string{"-debug", "-id=x", "--namespace", "ns", "start"}, call{"ns", "x", "", "start"}},
		{[]string{"-v"}, call{}},
		{nil, call{}},
	} {
		if diff := cmp.Diff(tt.want, parse(tt.args), cmp.AllowUnexported(call{})); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.args, diff)
		}
	}
}

// TestCleared: only where the runtime has forgotten the container, nothing is
// mounted and the shim lives is there nothing to do.
func TestCleared(t *testing.T) {
	tests := []struct {
		name string
		harm func(t *testing.T, dir string)
		want bool
	}{
		{"an ordinary deletion", func(*testing.T, string) {}, true},
		{"the runtime knows it", func(t *testing.T, dir string) { folder(t, filepath.Join(dir, "runc/ns/x")) }, false},
		{"the root file system is mounted", func(t *testing.T, dir string) {
			link(t, "/proc", filepath.Join(dir, "bundle/rootfs"))
		}, true}, // a link is no mount
		{"no options", func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "bundle/options.json")) }, false},
		{"no address", func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "bundle/bootstrap.json")) }, false},
		{"the shim is dead", func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "s")) }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			folder(t, filepath.Join(dir, "bundle"))
			write(t, filepath.Join(dir, "bundle/options.json"), `{"root":"`+filepath.Join(dir, "runc")+`"}`)
			write(t, filepath.Join(dir, "bundle/bootstrap.json"), `{"version":3,"address":"unix://`+filepath.Join(dir, "s")+`"}`)
			l, err := net.Listen("unix", filepath.Join(dir, "s"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			tt.harm(t, dir)
			c := call{namespace: "ns", id: "x", bundle: filepath.Join(dir, "bundle"), action: "delete"}
			if got := c.cleared(); got != tt.want {
				t.Errorf("%t, want %t", got, tt.want)
			}
		})
	}
}

func TestMounted(t *testing.T) {
	if !mounted("/proc") || mounted(t.TempDir()) || mounted(filepath.Join(t.TempDir(), "none")) {
		t.Error("a mount point is not told from a folder")
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func folder(t *testing.T, dir string)    { t.Helper(); check(t, os.MkdirAll(dir, 0o700)) }
func link(t *testing.T, to, path string) { t.Helper(); check(t, os.Symlink(to, path)) }
func remove(t *testing.T, path string)   { t.Helper(); check(t, os.Remove(path)) }
func write(t *testing.T, path, s string) { t.Helper(); check(t, os.WriteFile(path, []byte(s), 0o600)) }
