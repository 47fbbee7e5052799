package build

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/statedir"
)

// orphanEnd is what a daemon may take whose command was killed: it is told so
// by the kernel.
const orphanEnd = 5 * time.Second

// Sweep takes away what the builds of a killed command have left, unless somebody
// builds now. It costs nothing where there is nothing left.
func (b *Builder) Sweep(ctx context.Context) error {
	if !b.left() {
		return nil
	}
	l, err := b.Dirs.TryLock(statedir.BuildLock)
	if statedir.IsLocked(err) {
		return nil
	}
	if err != nil {
		return err
	}
	err = b.clear(ctx)
	return errors.Join(err, os.RemoveAll(b.Dirs.Build()), l.Unlock())
}

// left says whether somebody has begun to build and not ended that.
func (b *Builder) left() bool {
	_, err := os.Stat(b.Dirs.Build())
	return err == nil
}

// clear needs the lock. What the daemon had the engine run ends with it, or is
// ended after it.
func (b *Builder) clear(ctx context.Context) error {
	for end := time.Now().Add(orphanEnd); ; time.Sleep(20 * time.Millisecond) {
		daemons := b.daemons()
		if len(daemons) == 0 {
			break
		}
		if time.Now().After(end) {
			for _, pid := range daemons {
				_ = unix.Kill(pid, unix.SIGKILL) // the next look tells
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	var err error
	if b.Clear != nil {
		err = b.Clear(ctx)
	}
	b.removeGroups()
	return errors.Join(err, b.clearTemp())
}

// clearTemp removes nothing but mounts, files and empty folders: below a mount that
// will not go lies somebody's file system.
func (b *Builder) clearTemp() error {
	entries, err := os.ReadDir(b.temp())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		path := filepath.Join(b.temp(), e.Name())
		if uerr := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); uerr != nil && !errors.Is(uerr, unix.EINVAL) { // it is no mount
			err = errors.Join(err, &os.PathError{Op: "unmount", Path: path, Err: uerr})
			continue
		}
		_ = os.Remove(path) // refused by the kernel unless empty
	}
	return err
}

// daemons are those that run with this configuration file.
func (b *Builder) daemons() (pids []int) {
	config := []byte(b.configFile() + "\x00")
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is good
	for _, f := range files {
		line, err := os.ReadFile(f)
		if err != nil || !bytes.Contains(line, config) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
