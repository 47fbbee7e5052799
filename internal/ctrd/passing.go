package ctrd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/containers"
	"golang.org/x/sys/unix"
)

// Some of what a container's file system is made of is mounted in its folder in
// passing, for as long as its task is being made, and no longer: the container
// has mounts of its own by then.

func (e *Engine) passing(id string) string { return filepath.Join(e.Dirs.Container(id), "passing") }

// mountPassing does that until down is called.
func (e *Engine) mountPassing(ctx context.Context, rec containers.Container, s *stored) (down func() error, err error) {
	down = func() error { return nil }
	if len(s.Mounted) == 0 && s.Service.DiskSize == 0 {
		return down, nil
	}
	down = func() error { return e.unmountPassing(rec.ID) }
	if err := down(); err != nil { // of a start that was killed
		return nil, err
	}
	err = e.mountViews(ctx, rec, s.Mounted)
	if err == nil && s.Service.DiskSize > 0 {
		err = e.mountDisk(rec.ID)
	}
	if err != nil {
		return nil, errors.Join(err, down())
	}
	return down, nil
}

// unmountPassing takes off all that is mounted in a container's folder.
func (e *Engine) unmountPassing(id string) error {
	dir := e.passing(id)
	list, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, v := range list {
		p := filepath.Join(dir, v.Name())
		for {
			uerr := unix.Unmount(p, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
			if uerr == nil {
				continue
			}
			if !errors.Is(uerr, unix.EINVAL) { // which is: nothing is mounted
				err = errors.Join(err, fmt.Errorf("unmount %s: %w", p, uerr))
			}
			break
		}
	}
	return err
}
