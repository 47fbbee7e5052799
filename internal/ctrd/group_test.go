package ctrd

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"stackup.dev/stackup/internal/statedir"
)

// A short name: it is in the paths of sockets, which are limited.
func TestRemoveGroup(t *testing.T) {
	base := t.TempDir()
	d, err := statedir.New(filepath.Join(base, "r"), base)
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{Config: Config{Dirs: d, Address: filepath.Join(base, "c.sock")}}
	path, err := e.ownSocket(e.ctx(t.Context()), "shop")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := e.RemoveGroup(t.Context(), "shop"); err != nil {
		t.Errorf("no socket: %v", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := e.RemoveGroup(t.Context(), "shop"); err != nil || !there(path) {
		t.Errorf("a living shim's socket: %v, there: %t", err, there(path))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.RemoveGroup(t.Context(), "shop"); err != nil || there(path) {
		t.Errorf("a dead shim's socket: %v, there: %t", err, there(path))
	}
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestShimLeft(t *testing.T) {
	for text, want := range map[string]bool{
		"ttrpc: closed": true,
		"connection error: dial unix /run/containerd/s/x: connect: connection refused": true,
		"runc create failed: no such file":                                             false,
	} {
		if got := shimLeft(errors.New(text)); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
	if shimLeft(nil) {
		t.Error("no error")
	}
}
