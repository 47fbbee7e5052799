package ctrd

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestUnmountPassing: whatever killed starts have left, all of it goes.
func TestUnmountPassing(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounts need root")
	}
	e := unconnected(t)
	if err := e.unmountPassing("shop-web-1-g1"); err != nil {
		t.Errorf("nothing there: %v", err)
	}
	for i := range 3 {
		at := e.viewPath("shop-web-1-g1", i)
		if err := os.MkdirAll(at, 0o700); err != nil {
			t.Fatal(err)
		}
		for range i { // none, one, two
			if err := unix.Mount("tmpfs", at, "tmpfs", 0, "size=64k"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := e.unmountPassing("shop-web-1-g1"); err != nil {
		t.Error(err)
	}
	for i := range 3 {
		if isMount(e.viewPath("shop-web-1-g1", i)) {
			t.Errorf("image %d is still mounted", i)
		}
	}
	if err := e.removeFiles("shop-web-1-g1"); err != nil {
		t.Error(err)
	}
}

// TestClearRemainsTakesGroups: control groups that a killed OCI runtime has made
// are not the runtime's to clear up any more.
func TestClearRemainsTakesGroups(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("control groups need root")
	}
	e := unconnected(t)
	const id = "shop-web-1-g1"
	made := 0
	for _, top := range groupsAt("/") {
		if !exists(filepath.Join(top, "cgroup.procs")) {
			continue // the folder that the trees are mounted in
		}
		if os.MkdirAll(filepath.Join(top, e.Dirs.Namespace(), id), 0o755) == nil { //nolint:gosec // as the OCI runtime makes them
			made++
			t.Cleanup(func() { _ = os.Remove(filepath.Join(top, e.Dirs.Namespace())) })
		}
	}
	if made == 0 {
		t.Skip("no control group can be made here")
	}
	_, err := e.clearRemains(t.Context(), id)
	fatal(t, err)
	if left := groupsAt(filepath.Join(e.Dirs.Namespace(), id)); len(left) > 0 {
		t.Errorf("of %d are left %v", made, left)
	}
}
