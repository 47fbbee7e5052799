package ctrd

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/spec"
)

func TestOnDisk(t *testing.T) {
	layers := []mount.Mount{{Type: "overlay", Source: "overlay", Options: []string{"index=off", "workdir=/s/3/work", "upperdir=/s/3/fs", "lowerdir=/s/2/fs"}}}
	got, err := onDisk(layers, "/d")
	want := []mount.Mount{{Type: "overlay", Source: "overlay", Options: []string{"index=off", "workdir=/d/work", "upperdir=/d/fs", "lowerdir=/s/2/fs"}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if layers[0].Options[1] != "workdir=/s/3/work" {
		t.Error("what was given has changed")
	}
	got, err = onDisk([]mount.Mount{{Type: "bind", Source: "/s/3/fs", Options: []string{"rbind"}}}, "/d") // an image without layers
	if diff := cmp.Diff([]mount.Mount{{Type: "bind", Source: "/d/fs", Options: []string{"rbind"}}}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := onDisk([]mount.Mount{{Type: "erofs"}}, "/d"); err == nil {
		t.Error("a root that cannot be bounded is taken")
	}
}

// TestLacksForDisk: copies of whole trees have no upper folder that a disk could be.
func TestLacksForDisk(t *testing.T) {
	e := unconnected(t)
	e.Snapshotter = "native"
	s := &spec.Service{Name: "web", DiskSize: 1 << 30}
	lacks := e.lacksOf(s, false, nil)
	if len(lacks) != 1 || !strings.HasPrefix(lacks[0].What, "storage_opt: it needs overlayfs") {
		t.Errorf("lacks %v", lacks)
	}
}

// TestDisk: what does not fit is refused by the kernel, what was written is there
// again, also while somebody has the disk mounted still, and nothing stays.
func TestDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounts need root")
	}
	e := unconnected(t)
	if err := e.lacksForDisk(); err != nil {
		t.Skip(err)
	}
	c := executor.ContainerSpec{ID: "shop-web-1-g1", Service: spec.Service{DiskSize: 4 << 20}}
	fatal(t, e.makeDisk(t.Context(), c))
	image, at := filepath.Join(e.Dirs.Disk(c.ID), diskImage), e.diskPath(c.ID)
	t.Cleanup(func() {
		fatal(t, e.unmountPassing(c.ID))
		if device := loopOf(image); device != "" {
			t.Errorf("%s is left", device)
		}
	})
	fatal(t, e.mountDisk(c.ID))
	written := filepath.Join(at, upperFolder, "a")
	fatal(t, os.WriteFile(written, make([]byte, 1<<20), 0o600))
	if err := os.WriteFile(written+"b", make([]byte, 4<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("too much is answered by %v", err)
	}
	inUse, err := os.Open(written)
	fatal(t, err)
	fatal(t, e.unmountPassing(c.ID)) // detached, and in use yet
	device := loopOf(image)
	fatal(t, e.mountDisk(c.ID))
	if now := loopOf(image); device == "" || now != device {
		t.Errorf("it was mounted by %s, and is by %s", device, now)
	}
	st, err := os.Stat(written)
	fatal(t, err)
	if st.Size() != 1<<20 {
		t.Errorf("%d bytes are there", st.Size())
	}
	fatal(t, inUse.Close())
}

// TestMakeDisk: a disk is whole, or it is not there; a new one has nothing of an
// earlier one of the same name.
func TestMakeDisk(t *testing.T) {
	e := unconnected(t)
	c := executor.ContainerSpec{ID: "shop-web-1-g1"}
	fatal(t, e.makeDisk(t.Context(), c))
	if _, err := os.Stat(e.Dirs.Disk(c.ID)); err == nil {
		t.Error("one is made that nobody asked for")
	}
	if _, err := formatter(); err != nil {
		t.Skip(err)
	}
	c.Service.DiskSize = 4 << 20
	image := filepath.Join(e.Dirs.Disk(c.ID), diskImage)
	fatal(t, os.MkdirAll(e.Dirs.Disk(c.ID), 0o700))
	fatal(t, os.WriteFile(image, []byte("old"), 0o600))
	fatal(t, e.makeDisk(t.Context(), c))
	if st, err := os.Stat(image); err != nil || st.Size() != 4<<20 {
		t.Errorf("made: %v, %v", st, err)
	}
	c.Service.DiskSize = 1
	if err := e.makeDisk(t.Context(), c); err == nil {
		t.Error("nobody makes a file system of a byte")
	}
	if _, err := os.Stat(image); err == nil {
		t.Error("a failed try leaves one that looks whole")
	}
}
