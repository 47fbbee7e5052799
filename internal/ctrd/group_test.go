package ctrd

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

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

// TestListener: who makes the socket anew is told from who listened before.
func TestListener(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if listener(path) != (peer{}) {
		t.Error("somebody listens where there is no socket")
	}
	seen := map[peer]bool{}
	for range 3 {
		l, err := net.Listen("unix", path)
		fatal(t, err)
		p := listener(path)
		if !p.listens || p != listener(path) || seen[p] {
			t.Errorf("%+v, %v were before", p, seen)
		}
		seen[p] = true
		fatal(t, os.Rename(path, filepath.Join(t.TempDir(), "aside"))) // keeps its inode from being used again
		fatal(t, l.Close())
	}
}

// Intent: a create is repeated as long as something may be in its way, and no longer.
func TestAttempts(t *testing.T) {
	refused := errors.New("OCI runtime create failed: exec: \"x\": executable file not found")
	half := errors.New("OCI runtime create failed: unable to retrieve OCI runtime error (open log.json: no such file)")
	shim, other := errors.New("ttrpc: closed"), errors.New("no space left on device")
	for name, tt := range map[string]struct {
		a     attempts
		ended bool
		err   error
		want  []bool // of one after the other
	}{
		"made":                             {attempts{disturbed: true}, true, nil, []bool{false}},
		"the engine is gone":               {attempts{disturbed: true}, true, errdefs.ErrUnavailable, []bool{false}},
		"nothing in the way":               {attempts{}, false, other, []bool{false}},
		"a bad command":                    {attempts{}, false, refused, []bool{false}},
		"disturbed":                        {attempts{disturbed: true}, false, other, []bool{true, true, true}},
		"disturbed, and a bad command":     {attempts{disturbed: true}, false, refused, []bool{true, false}},
		"disturbed, the runtime is killed": {attempts{disturbed: true}, false, half, []bool{true, true}},
		"the shim is another one":          {attempts{}, true, other, []bool{true, true}},
		"its shim ends":                    {attempts{}, false, shim, []bool{true, true}},
		"a task is there":                  {attempts{}, false, errdefs.ErrAlreadyExists, []bool{true, true}},
	} {
		for i, want := range tt.want {
			if got := tt.a.worth(tt.err, tt.ended); got != want {
				t.Errorf("%s, time %d: %t", name, i+1, got)
			}
		}
	}
}

// Intent: a shim that hangs, and has as many connections waiting as it may, is there.
func TestListenerThatTakesNoMore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	fatal(t, err)
	defer func() { _ = unix.Close(fd) }()
	fatal(t, errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 1)))
	for range 100 {
		if p := listener(path); !p.listens || p.socket == 0 {
			t.Fatalf("it is taken for gone: %+v", p)
		}
	}
	if _, err := net.Dial("unix", path); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("its queue is not full: %v", err)
	}
	fatal(t, os.Remove(path))
	if p := listener(path); p.listens {
		t.Error("one that is gone is taken for there")
	}
}
