package volume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/spec"
)

// Mounts keeps the file systems of volumes that have some mounted while they
// are used. Who uses which is noted in the state folder, a file each, so that
// nothing is lost with a process.
type Mounts struct {
	Store
	Dirs  statedir.Dirs
	Mount func(ctx context.Context, l spec.LocalMount, at string) error
}

// Use sees to it that a volume is whole: its folder is there and, until user is
// released, what belongs on it is mounted. It may be repeated.
func (m Mounts) Use(ctx context.Context, name, user string) error {
	r, err := m.read(name)
	if err != nil {
		return err
	}
	if err := statedir.MkdirAll(m.Data(name), 0o755); err != nil { // what an interrupted Create has left undone
		return err
	}
	if r.Local == (spec.LocalMount{}) {
		return nil
	}
	return m.locked(ctx, name, func() error {
		note := filepath.Join(m.Dirs.VolumeUsers(), name, user)
		if err := statedir.MkdirAll(filepath.Dir(note), 0o700); err != nil {
			return err
		}
		if err := touch(note); err != nil {
			return err
		}
		if is, err := mounted(m.Data(name)); is || err != nil {
			return err
		}
		if err := m.Mount(ctx, r.Local, m.Data(name)); err != nil {
			return errors.Join(fmt.Errorf("volume %s: mount %s (%s): %w", name, r.Local.Device, r.Local.Type, err), m.forget(name, user))
		}
		return nil
	})
}

// touch makes an empty file at once: there is nothing of it to be half there.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Fill is the store's, for one caller at a time.
func (m Mounts) Fill(ctx context.Context, name string, write func(into string) error) error {
	return m.locked(ctx, name, func() error { return m.Store.Fill(name, write) })
}

// Uses says whether a user has a volume that is mounted.
func (m Mounts) Uses(user string) bool {
	notes, _ := filepath.Glob(filepath.Join(m.Dirs.VolumeUsers(), "*", user)) // the pattern is good
	return len(notes) > 0
}

// Release ends all use by a user. The last one takes the file system off.
func (m Mounts) Release(ctx context.Context, user string) error {
	notes, err := filepath.Glob(filepath.Join(m.Dirs.VolumeUsers(), "*", user))
	for _, n := range notes {
		name := filepath.Base(filepath.Dir(n))
		err = errors.Join(err, m.locked(ctx, name, func() error { return m.release(name, user) }))
	}
	return err
}

// release takes the note away last: if it is cut short, the next one goes on.
func (m Mounts) release(name, user string) error {
	notes, err := os.ReadDir(filepath.Join(m.Dirs.VolumeUsers(), name))
	if err != nil {
		return err
	}
	if len(notes) == 1 && notes[0].Name() == user {
		if err := takeOff(m.Data(name)); err != nil {
			return err
		}
	}
	return m.forget(name, user)
}

func (m Mounts) forget(name, user string) error {
	dir := filepath.Join(m.Dirs.VolumeUsers(), name)
	err := statedir.Remove(filepath.Join(dir, user))
	_ = os.Remove(dir) // refused by the kernel unless empty
	return err
}

// Remove deletes a volume, under the lock of its mount.
func (m Mounts) Remove(ctx context.Context, name string) error {
	return m.locked(ctx, name, func() error {
		return errors.Join(m.Store.Remove(name), os.RemoveAll(filepath.Join(m.Dirs.VolumeUsers(), name)))
	})
}

func (m Mounts) locked(ctx context.Context, name string, do func() error) (err error) {
	lock, err := m.Dirs.LockVolume(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return do()
}

// takeOff unmounts whatever is mounted at a folder. Who still has a file open
// there keeps that; nobody else finds it.
func takeOff(at string) error {
	for {
		is, err := mounted(at)
		if err != nil || !is {
			return err
		}
		if err := unix.Unmount(at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			return fmt.Errorf("unmount %s: %w", at, err)
		}
	}
}

// mounted goes by the kernel's list, which asks no server (proc(5), mountinfo).
func mounted(at string) (bool, error) {
	list, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false, err
	}
	escaped := strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`).Replace(at)
	for line := range strings.Lines(string(list)) {
		if f := strings.Fields(line); len(f) > 4 && f[4] == escaped {
			return true, nil
		}
	}
	return false, nil
}
