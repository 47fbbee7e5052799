package statedir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ReleaseTime is what a shim takes at most from looking a FIFO up to opening it.
const ReleaseTime = 50 * time.Millisecond

// Sweep takes away what killed commands have left and no later step of a plan
// would: files of passing locks that nobody holds, places in queues, files aside that nobody
// writes, FIFOs and passing mounts of processes that are gone. It waits for no lock.
func (d Dirs) Sweep() error {
	errs := []error{d.sweepLocks(), d.sweepPlaces(), d.SweepExecs(), d.sweepMounts()}
	defer d.sweepVolumes()
	for _, dir := range []string{d.Root, d.Networks(), d.Endpoints(), filepath.Join(d.Volumes(), "*")} {
		errs = append(errs, sweepAside(dir))
	}
	return errors.Join(errs...)
}

// sweepLocks leaves the helpers' locks alone: holding one, however shortly,
// could turn a helper away that is just starting.
func (d Dirs) sweepLocks() error {
	files, err := os.ReadDir(filepath.Join(d.State, "locks"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var errs []error
	for _, f := range files {
		if !passing(f.Name()) {
			continue
		}
		if l, err := tryLock(filepath.Join(d.State, "locks", f.Name())); err == nil {
			errs = append(errs, l.Unlock())
		}
	}
	return errors.Join(errs...)
}

// passing says whether a lock is held for moments, so that to hold it for one
// more disturbs nobody.
func passing(name string) bool {
	begins := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	return name == networkLock || name == realtimeLock || slices.ContainsFunc([]string{containerPrefix, shimPrefix, volumePrefix, execPrefix}, begins)
}

// sweepVolumes takes away folders of volumes that were never made: the record
// comes first, so an empty one has none.
func (d Dirs) sweepVolumes() {
	folders, _ := filepath.Glob(filepath.Join(d.Volumes(), "*")) // the pattern is good
	for _, f := range folders {
		_ = os.Remove(f) // refused by the kernel unless empty
	}
}

// SweepExecs removes the FIFOs of commands in containers whose caller is gone. A
// shim may be about to open one for writing, which waits for a reader; as long as
// it does, it tells nobody that the container's process has ended. So each has a
// reader for a moment first.
func (d Dirs) SweepExecs() error {
	folders, err := filepath.Glob(filepath.Join(d.State, "exec", "*"))
	for _, f := range folders {
		if _, serr := os.Stat(filepath.Join("/proc", filepath.Base(f))); errors.Is(serr, fs.ErrNotExist) {
			err = errors.Join(err, removeFIFOs(f))
		}
	}
	return err
}

// removeFIFOs removes a folder of FIFOs. Its writers open one after the other, so
// all have a reader until they are gone, and a moment longer for who has just
// looked one up.
func removeFIFOs(folder string) error {
	var readers []*os.File
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // somebody else sweeps too
		}
		if err != nil || e.Type() != fs.ModeNamedPipe {
			return err
		}
		f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			readers = append(readers, f)
		}
		return err
	})
	err = errors.Join(err, os.RemoveAll(folder))
	if len(readers) > 0 {
		time.Sleep(ReleaseTime)
	}
	for _, f := range readers {
		_ = f.Close() // only read from
	}
	return err
}

// sweepMounts removes nothing but mounts and empty folders: below a mount that
// will not go lies a container's file system.
func (d Dirs) sweepMounts() error {
	points, err := filepath.Glob(filepath.Join(d.State, "mounts", "*", "*"))
	for _, p := range points {
		owner := filepath.Base(filepath.Dir(p))
		if _, serr := os.Stat(filepath.Join("/proc", owner)); !errors.Is(serr, fs.ErrNotExist) {
			continue
		}
		if uerr := unix.Unmount(p, unix.MNT_DETACH); uerr != nil && !errors.Is(uerr, unix.EINVAL) && !errors.Is(uerr, fs.ErrNotExist) {
			err = errors.Join(err, uerr)
			continue
		}
		if rerr := os.Remove(p); !errors.Is(rerr, fs.ErrNotExist) { // somebody else sweeps too
			err = errors.Join(err, rerr)
		}
	}
	owners, _ := filepath.Glob(filepath.Join(d.State, "mounts", "*")) // the pattern is good
	for _, dir := range owners {
		if _, serr := os.Stat(filepath.Join("/proc", filepath.Base(dir))); errors.Is(serr, fs.ErrNotExist) {
			_ = os.Remove(dir) // refused by the kernel unless empty
		}
	}
	return err
}

// sweepAside removes the files aside in the folders that a pattern matches.
func sweepAside(pattern string) error {
	found, err := filepath.Glob(filepath.Join(pattern, ".*.new"))
	for _, path := range found {
		err = errors.Join(err, removeUnlocked(path))
	}
	return err
}

func removeUnlocked(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // nothing was written
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil || !isAt(f, path) {
		return nil // somebody is at it
	}
	return os.Remove(path)
}
