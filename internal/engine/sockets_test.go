package engine

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/client"

	"stackup.dev/stackup/internal/statedir"
)

// A shim that containerd lost sight of leaves its socket; the engine removes
// it, and no other, once containers go.
func TestDeadShimSocketsGoWithContainers(t *testing.T) {
	needRoot(t)
	d, libexec := newDirs(t), newLibexec(t)
	running(t, d, libexec)
	dir := shimSockets(d)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	live, dead := listen(t, filepath.Join(dir, "live")), listen(t, filepath.Join(dir, "dead"))
	defer func() { _ = live.Close() }()
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}

	createAndDelete(t, d)

	deadline := time.Now().Add(10 * time.Second)
	for !slices.Equal(names(t, dir), []string{"live"}) {
		if time.Now().After(deadline) {
			t.Fatalf("sockets left: %v, want the live one only", names(t, dir))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func listen(t *testing.T, path string) *net.UnixListener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func createAndDelete(t *testing.T, d statedir.Dirs) {
	t.Helper()
	c, err := client.New(d.Socket(), client.WithDefaultNamespace(d.Namespace()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	record, err := c.NewContainer(t.Context(), "probe", client.WithRuntime("io.containerd.runc.v2", nil))
	if err == nil {
		err = record.Delete(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}
