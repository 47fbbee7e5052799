package ctrd

import (
	"os"
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
