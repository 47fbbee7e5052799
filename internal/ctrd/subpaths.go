package ctrd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/containers"
	"golang.org/x/sys/unix"
)

// A folder of a volume (volume.subpath) is mounted by its path at each start. Who
// has the whole volume may have put a link in its place meanwhile, even between
// a look and the mount. So each is held open, free of links, and the container's
// process does not begin unless the mount in there is what is held.

// folders are the parts of volumes that a container is about to have.
type folders []folder

type folder struct {
	destination string
	fd          *os.File
}

// holdFolders opens the parts of volumes that an OCI spec mounts.
func (e *Engine) holdFolders(rec containers.Container) (out folders, err error) {
	sources, err := sourcesBelow(rec, e.Dirs.Volumes())
	if err != nil || !anyPart(sources) {
		return nil, err
	}
	var s struct {
		Mounts []struct{ Source, Destination string } `json:"mounts"`
	}
	if err := json.Unmarshal(rec.Spec.GetValue(), &s); err != nil {
		return nil, err
	}
	for _, m := range s.Mounts {
		f, err := e.holdPart(m.Source)
		if err != nil {
			out.close()
			return nil, err
		}
		if f != nil {
			out = append(out, folder{m.Destination, f})
		}
	}
	return out, nil
}

// anyPart says whether one of the sources below the volumes' folder is a part of
// a volume: there are VOLUME/_data and VOLUME/_data/PART.
func anyPart(sources []string) bool {
	return slices.ContainsFunc(sources, func(s string) bool { return strings.Count(s, "/") > 1 })
}

// holdPart opens the source of a mount, if it is a part of a volume; else there is
// nothing to hold, and f is nil.
func (e *Engine) holdPart(source string) (f *os.File, err error) {
	name, part, is := partOf(e.Dirs.Volumes(), source)
	if !is {
		return nil, nil //nolint:nilnil // it is said above
	}
	if f, err = openBelow(e.volumes.Data(name), part); err != nil {
		return nil, fmt.Errorf("%s of volume %s (volume.subpath): %w", part, name, err)
	}
	return f, nil
}

// partOf takes the source of a mount apart, if it is a part of a volume.
func partOf(dir, source string) (volume, part string, is bool) {
	below, under := strings.CutPrefix(source, dir+"/")
	volume, rest, _ := strings.Cut(below, "/")
	_, part, _ = strings.Cut(rest, "/")
	return volume, part, under && part != ""
}

// openBelow opens what is below a folder, where no link is on the way.
func openBelow(root, name string) (*os.File, error) {
	dir, err := os.Open(root)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }() // only looked from
	fd, err := unix.Openat2(int(dir.Fd()), name, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	})
	if errors.Is(err, unix.ELOOP) {
		return nil, errors.New("a link has taken its place")
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), filepath.Join(root, name)), nil
}

func (f folders) close() {
	for _, part := range f {
		_ = part.fd.Close() // only looked from
	}
}

// mounted checks that a container which is made, and has not begun, has what is held.
func (f folders) mounted(ctx context.Context, e *Engine, id string) error {
	if len(f) == 0 {
		return nil
	}
	t, err := e.task(ctx, id)
	if err != nil {
		return err
	}
	if t == nil {
		return errors.New("its task is gone")
	}
	root, err := os.Open(fmt.Sprintf("/proc/%d/root", t.Pid))
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // only looked from
	for _, part := range f {
		if err := part.isIn(root); err != nil {
			return fmt.Errorf("mount at %s (volume.subpath): %w", part.destination, err)
		}
	}
	return nil
}

func (f folder) isIn(root *os.File) error {
	fd, err := unix.Openat2(int(root.Fd()), f.destination, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT})
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }() // only looked from
	var is, held unix.Stat_t
	if err := errors.Join(unix.Fstat(fd, &is), unix.Fstat(int(f.fd.Fd()), &held)); err != nil {
		return err
	}
	if is.Dev != held.Dev || is.Ino != held.Ino {
		return errors.New("it was exchanged in this moment")
	}
	return nil
}
