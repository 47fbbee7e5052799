package network

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/statedir"
)

// NetnsPath is where a container's network namespace is mounted.
func (h *Host) NetnsPath(id string) string { return filepath.Join(h.Dirs.Netns(), id) }

// ensureNetns makes a network namespace with its loopback up and mounts it at
// path, or finds it there.
func ensureNetns(path string) error {
	if isNetns(path) {
		return nil
	}
	if err := removeNetns(path); err != nil {
		return err
	}
	if err := statedir.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_ = f.Close()
	done := make(chan error)
	go func() { done <- newNetns(path) }()
	if err := <-done; err != nil {
		return errors.Join(fmt.Errorf("make network namespace: %w", err), removeNetns(path))
	}
	return nil
}

// newNetns does it on a thread of its own, and goes back after: the thread may
// be the process's first, whose namespace /proc/self shows. A thread that
// cannot go back stays locked, and ends with its goroutine.
func newNetns(path string) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer func() { _ = home.Close() }()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	err = errors.Join(loopbackUp(), unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, ""))
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		return errors.Join(err, back)
	}
	runtime.UnlockOSThread()
	return err
}

func loopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}

func isNetns(path string) bool {
	var s unix.Statfs_t
	return unix.Statfs(path, &s) == nil && s.Type == unix.NSFS_MAGIC
}

// removeNetns unmounts and removes; what is not there is no error.
func removeNetns(path string) error {
	for isNetns(path) {
		if err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			return fmt.Errorf("unmount %s: %w", path, err)
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
