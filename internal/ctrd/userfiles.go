package ctrd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/pkg/oci"
	"golang.org/x/sys/unix"
)

// userFiles are what users and groups are looked up in.
var userFiles = []string{"etc/passwd", "etc/group"}

// plainFiles is a client whose snapshots are refused if what users are looked up in is no
// plain file: containerd would wait for ever for somebody to write to a FIFO.
type plainFiles struct{ oci.Client }

func (c plainFiles) SnapshotService(name string) snapshots.Snapshotter {
	return &plainSnapshots{Snapshotter: c.Client.SnapshotService(name)}
}

// plainSnapshots looks at a snapshot once, however often it is asked for.
type plainSnapshots struct {
	snapshots.Snapshotter

	key    string
	mounts []mount.Mount
}

// Mounts implements snapshots.Snapshotter.
func (s *plainSnapshots) Mounts(ctx context.Context, key string) ([]mount.Mount, error) {
	if s.key == key {
		return s.mounts, nil
	}
	mounts, err := s.Snapshotter.Mounts(ctx, key)
	if err != nil {
		return nil, err
	}
	if err := checkUserFiles(ctx, mounts); err != nil {
		return nil, err
	}
	s.key, s.mounts = key, mounts
	return mounts, nil
}

// checkUserFiles looks into the layers first, which costs no mount; links and folders that
// are none have it mount them.
func checkUserFiles(ctx context.Context, mounts []mount.Mount) error {
	layers := layersOf(mounts)
	for _, name := range userFiles {
		if len(layers) > 0 && plainIn(layers, name) {
			continue
		}
		err := mount.WithReadonlyTempMount(ctx, mounts, func(root string) error { return plainBelow(root, name) })
		if err != nil {
			return err
		}
	}
	return nil
}

// layersOf returns the folders that a root consists of, the uppermost first; none if that
// is not known.
func layersOf(mounts []mount.Mount) (layers []string) {
	if len(mounts) != 1 {
		return nil
	}
	switch m := mounts[0]; m.Type {
	case "bind":
		return []string{m.Source}
	case "overlay":
		for _, o := range m.Options {
			if upper, ok := strings.CutPrefix(o, "upperdir="); ok {
				layers = append([]string{upper}, layers...)
			}
			if lower, ok := strings.CutPrefix(o, "lowerdir="); ok {
				layers = append(layers, strings.Split(lower, ":")...)
			}
		}
	}
	return layers
}

// plainIn reports whether the uppermost layer that has the file has a plain one. None is
// fine too.
func plainIn(layers []string, name string) bool {
	for _, l := range layers {
		for _, part := range []string{filepath.Dir(name), name} {
			st, err := os.Lstat(filepath.Join(l, part))
			if errors.Is(err, fs.ErrNotExist) {
				break // the layer below may have it
			}
			if err != nil || part != name && !st.IsDir() {
				return false
			}
			if part == name {
				return st.Mode().IsRegular()
			}
		}
	}
	return true
}

// plainBelow returns an error if the file is there and is no plain one. It opens nothing
// that could block, and nothing outside of root.
func plainBelow(root, name string) error {
	dir, err := os.Open(root)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // only looked into
	fd, err := unix.Openat2(int(dir.Fd()), name, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("/%s: %w", name, err)
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("/%s: %w", name, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return fmt.Errorf("/%s of the image is no plain file: users cannot be looked up in it", name)
	}
	return nil
}
