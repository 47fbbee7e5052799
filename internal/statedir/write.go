package statedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// WriteFile replaces path whole: write aside, sync, rename. A reader sees the
// old content or the new one, also after a power failure. A writer that is
// killed leaves at most one file aside, which the next writer takes over and
// Remove takes away.
func WriteFile(path string, data []byte, mode os.FileMode) error {
	return replace(path, data, mode, (*os.File).Sync)
}

// WriteVolatile is WriteFile for what no reboot survives anyway: it spares the
// wait for the disk, where State lies on one.
func WriteVolatile(path string, data []byte, mode os.FileMode) error {
	return replace(path, data, mode, func(*os.File) error { return nil })
}

func replace(path string, data []byte, mode os.FileMode, sync func(*os.File) error) error {
	f, err := openAside(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // what matters is synced by then
	if err := errors.Join(fill(f, data, mode), sync(f)); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}

// Remove takes away what WriteFile has written, and what a killed writer has left aside.
// The file aside of one that is at work stays: it comes after. A file that is not there is
// no error.
func Remove(path string) error {
	if err := removeUnlocked(aside(path)); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func aside(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
}

// openAside opens the file aside and locks it, so that of two writers one
// comes after the other. The lock counts only while the file is still there
// under its name: the other writer renames it away.
//
// The folder is made as often as somebody takes it away for being empty.
func openAside(path string) (*os.File, error) {
	for {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		f, err := os.OpenFile(aside(path), os.O_WRONLY|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err == nil && isAt(f, f.Name()) {
			return f, nil
		}
		if cerr := f.Close(); err != nil {
			return nil, errors.Join(err, cerr)
		}
	}
}

func fill(f *os.File, data []byte, mode os.FileMode) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Chmod(mode)
}

// isAt says whether f is the file at path.
func isAt(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there)
}

// MkdirAll is os.MkdirAll for folders of root and state, which others take away while they
// are empty: it makes them again until it has the last one.
func MkdirAll(path string, mode os.FileMode) (err error) {
	for range 1000 {
		err = os.MkdirAll(path, mode)
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) { // that of a folder that went before it was looked at
			return err
		}
	}
	return err
}
