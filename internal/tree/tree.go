// Package tree copies files into and out of a file tree that nobody trusts.
//
// All is done from a descriptor of the tree's root: the kernel looks paths up
// in it (openat2, RESOLVE_IN_ROOT), so that no link leads out, whatever is
// changed meanwhile. Nothing in the tree is run, and no device is opened.
package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Root is a file tree.
type Root struct {
	f *os.File
	// trusted says that its links are the caller's own: it is this machine.
	trusted bool
}

// Open opens the tree below a folder, say /proc/PID/root.
func Open(dir string) (*Root, error) {
	f, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return &Root{f: f}, err
}

// Machine is the tree of this machine.
func Machine() (*Root, error) {
	r, err := Open("/")
	r.trusted = true
	return r, err
}

// Close lets go of the tree.
func (r *Root) Close() error { return r.f.Close() }

// inRoot is how a tree's own links are followed.
const inRoot = unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS

// tries bounds how often a lookup is begun anew that a rename has disturbed.
const tries = 64

// at opens what is at a path below dir, without opening a device or a FIFO
// unless flags ask for that.
func at(dir *os.File, name string, flags int, resolve uint64) (*os.File, error) {
	if name == "" {
		name = "."
	}
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: resolve}
	for i := 0; ; i++ {
		fd, err := unix.Openat2(int(dir.Fd()), name, &how)
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), name), nil
		case errors.Is(err, unix.ENOSYS):
			return nil, fmt.Errorf("copying needs Linux 5.6 or newer: %w", err)
		case (errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR)) && i < tries:
		default:
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
	}
}

// lookup finds what is at a path, following a link that it ends in or not.
func (r *Root) lookup(name string, follow bool) (*os.File, error) {
	flags := unix.O_PATH
	if !follow {
		flags |= unix.O_NOFOLLOW
	}
	resolve := uint64(inRoot)
	if r.trusted {
		resolve = 0
	}
	return at(r.f, name, flags, resolve)
}

// Bind mounts a file or folder of this machine, with what is mounted below it, at
// a path of the tree, with flags such as MS_RDONLY.
func (r *Root) Bind(source, at string, flags uintptr) error {
	f, err := r.lookup(at, true)
	if err != nil {
		return err
	}
	err = unix.Mount(source, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), "", unix.MS_BIND|unix.MS_REC, "")
	if err := errors.Join(err, f.Close()); err != nil || flags == 0 {
		return err
	}
	if f, err = r.lookup(at, true); err != nil { // what is mounted there now
		return err
	}
	return errors.Join(unix.Mount("", fmt.Sprintf("/proc/self/fd/%d", f.Fd()), "", unix.MS_REMOUNT|unix.MS_BIND|flags, ""), f.Close())
}

// stat is of an O_PATH descriptor.
func stat(f *os.File) (st unix.Stat_t, err error) {
	err = unix.Fstat(int(f.Fd()), &st)
	return st, err
}

func isDir(st unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFDIR }

func isLink(st unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFLNK }

// reopen opens for reading what an O_PATH descriptor stands for: that very file.
func reopen(f *os.File, flags int) (*os.File, error) {
	return os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), flags|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
}

// readLink reads the link that an O_PATH descriptor stands for.
func readLink(f *os.File) (string, error) {
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(f.Fd()), "", b)
	return string(b[:max(n, 0)]), err
}

// place is where a copy goes: to a name in a folder that is there.
type place struct {
	dir  string // in the tree
	name string // empty: into the folder itself
}

// end follows the links that a path ends in, to what is there or would be.
func (r *Root) end(name string) (string, error) {
	for range 40 {
		f, err := r.lookup(name, false)
		if err != nil {
			return name, ignoreMissing(err)
		}
		st, err := stat(f)
		to, lerr := "", error(nil)
		if err == nil && isLink(st) {
			to, lerr = readLink(f)
		}
		if err := errors.Join(err, lerr, f.Close()); err != nil || to == "" {
			return name, err
		}
		if !path.IsAbs(to) {
			to = path.Join(parent(name), to)
		}
		name = to
	}
	return "", unix.ELOOP
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// parent is the folder of a path; of one that ends in a slash, too.
func parent(name string) string { return path.Dir(strings.TrimRight(name, "/")) }

// kind says what is at a path once links are followed.
func (r *Root) kind(name string) (exists, dir bool, err error) {
	f, err := r.lookup(name, true)
	if err != nil {
		return false, false, ignoreMissing(err)
	}
	st, err := stat(f)
	return true, isDir(st), errors.Join(err, f.Close())
}
