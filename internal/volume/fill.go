package volume

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/spec"
)

// The folders in a mounted volume whose first content is on its way: while it
// is being written, and once it is whole.
const (
	filling = ".stackup-filling"
	filled  = ".stackup-filled"
)

// fillMounted is Fill for a file system that no folder can take the place of.
// Memory is not filled: it would be empty again at the next start.
func (s Store) fillMounted(name string, l spec.LocalMount, write func(into string) error) error {
	dir := s.Data(name)
	if l.Type == "tmpfs" || l == (spec.LocalMount{}) {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch e.Name() {
		case filled: // somebody was killed while he moved things up
			return moveUp(dir)
		case filling, "lost+found":
		default:
			return nil
		}
	}
	into := filepath.Join(dir, filling)
	err = errors.Join(os.RemoveAll(into), os.Mkdir(into, 0o700))
	if errors.Is(err, unix.EROFS) { // it stays as it is
		return nil
	}
	if err != nil {
		return err
	}
	if err := write(into); err != nil {
		return errors.Join(err, os.RemoveAll(into))
	}
	if err := os.Rename(into, filepath.Join(dir, filled)); err != nil {
		return err
	}
	return moveUp(dir)
}

// moveUp gives the volume's folder the content, the owner and the mode of the
// folder in it.
func moveUp(dir string) error {
	from := filepath.Join(dir, filled)
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Rename(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := LikeFolder(dir, info); err != nil {
		return err
	}
	return os.Remove(from)
}

// LikeFolder gives a folder another's owner and mode.
func LikeFolder(path string, like os.FileInfo) error {
	if sys, ok := like.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(path, int(sys.Uid), int(sys.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(path, like.Mode())
}
