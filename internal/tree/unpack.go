package tree

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// unpacking writes a tar stream into a folder of a tree.
type unpacking struct {
	top     *os.File // what paths are looked up from
	prefix  string   // the folder, from there
	resolve uint64
	keep    bool // owner, and what a file may do by its owner
	devices bool // may be made
	folders []*tar.Header
}

// belowOnly follows no link at all.
const belowOnly = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS

// unpack writes into a folder that is there. On this machine no link that is in
// the stream is followed; in a tree of its own, links lead where they lead there.
func (r *Root) unpack(in io.Reader, folder string, keep bool) error {
	u := &unpacking{top: r.f, prefix: folder, resolve: inRoot, keep: keep, devices: true}
	if r.trusted {
		dir, err := r.lookup(folder, true)
		if err != nil {
			return err
		}
		defer func() { _ = dir.Close() }() // an O_PATH descriptor
		u = &unpacking{top: dir, prefix: ".", resolve: belowOnly, keep: keep}
	}
	t := tar.NewReader(in)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return u.finish()
		}
		if err != nil {
			return err
		}
		if err := u.entry(h, t); err != nil {
			return err
		}
	}
}

// inside is a name of the stream, as a path below the folder.
func inside(name string) (string, error) {
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", fmt.Errorf("%q leads out of where it is to be", name)
		}
	}
	return strings.TrimPrefix(path.Clean("/"+name), "/"), nil
}

// parent opens the folder that an entry is in; folders that the stream leaves
// out are made.
func (u *unpacking) parent(name string) (dir *os.File, base string, err error) {
	base = path.Base(name)
	above := path.Dir(name)
	dir, err = at(u.top, path.Join(u.prefix, above), unix.O_PATH|unix.O_DIRECTORY, u.resolve)
	if err == nil || above == "." || !errors.Is(err, unix.ENOENT) {
		return dir, base, err
	}
	up, last, err := u.parent(above)
	if err != nil {
		return nil, "", err
	}
	err = unix.Mkdirat(int(up.Fd()), last, 0o755)
	if err := errors.Join(err, up.Close()); err != nil {
		return nil, "", err
	}
	dir, err = at(u.top, path.Join(u.prefix, above), unix.O_PATH|unix.O_DIRECTORY, u.resolve)
	return dir, base, err
}

func (u *unpacking) entry(h *tar.Header, data io.Reader) error {
	name, err := inside(h.Name)
	if err != nil || name == "" { // the folder itself, which is there
		return err
	}
	dir, base, err := u.parent(name)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // an O_PATH descriptor
	h.Name = name
	if err := u.make(dir, base, h, data); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (u *unpacking) make(dir *os.File, base string, h *tar.Header, data io.Reader) error {
	if err := makeRoom(dir, base, h.Typeflag == tar.TypeDir); err != nil {
		if h.Typeflag == tar.TypeReg && errors.Is(err, unix.EBUSY) { // something is mounted there: it is written in place
			return u.file(dir, base, h, data, unix.O_TRUNC)
		}
		return err
	}
	fd := int(dir.Fd())
	switch h.Typeflag {
	case tar.TypeDir:
		u.folders = append(u.folders, h)
		if err := unix.Mkdirat(fd, base, 0o700); !errors.Is(err, unix.EEXIST) {
			return err
		}
		return nil
	case tar.TypeReg:
		return u.file(dir, base, h, data, unix.O_CREAT|unix.O_EXCL)
	case tar.TypeLink:
		return u.link(dir, base, h)
	case tar.TypeSymlink:
		if err := unix.Symlinkat(h.Linkname, fd, base); err != nil {
			return err
		}
		return u.owner(fd, base, h, unix.AT_SYMLINK_NOFOLLOW)
	case tar.TypeFifo, tar.TypeChar, tar.TypeBlock:
		return u.node(dir, base, h)
	case tar.TypeXGlobalHeader:
		return nil
	default:
		return fmt.Errorf("entries of type %q are not known", h.Typeflag)
	}
}

// makeRoom takes away what a file is to take the place of; folders are merged with
// folders.
func makeRoom(dir *os.File, base string, folder bool) error {
	var st unix.Stat_t
	err := unix.Fstatat(int(dir.Fd()), base, &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case err != nil:
		return err
	case isDir(st) && !folder:
		return errors.New("a folder is not replaced by a file")
	case !isDir(st) && folder:
		return errors.New("a file is not replaced by a folder")
	case folder:
		return nil
	}
	return unix.Unlinkat(int(dir.Fd()), base, 0)
}

func (u *unpacking) file(dir *os.File, base string, h *tar.Header, data io.Reader, how int) error {
	fd, err := unix.Openat(int(dir.Fd()), base, unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|how, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), base)
	_, err = io.Copy(f, data)
	return errors.Join(err, u.attributes(fd, h), f.Close())
}

// link gives a file of the stream another name.
func (u *unpacking) link(dir *os.File, base string, h *tar.Header) error {
	name, err := inside(h.Linkname)
	if err != nil {
		return err
	}
	from, old, err := u.parent(name)
	if err != nil {
		return err
	}
	return errors.Join(unix.Linkat(int(from.Fd()), old, int(dir.Fd()), base, 0), from.Close())
}

func (u *unpacking) node(dir *os.File, base string, h *tar.Header) error {
	kind := map[byte]uint32{tar.TypeFifo: unix.S_IFIFO, tar.TypeChar: unix.S_IFCHR, tar.TypeBlock: unix.S_IFBLK}[h.Typeflag]
	if kind != unix.S_IFIFO && !u.devices {
		return errors.New("it is a device: none is made on this machine")
	}
	dev := unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))
	if err := unix.Mknodat(int(dir.Fd()), base, kind|u.mode(h), int(dev)); err != nil {
		return err
	}
	return u.owner(int(dir.Fd()), base, h, unix.AT_SYMLINK_NOFOLLOW)
}

// mode is without what a file may do by its owner, where that is another one now.
func (u *unpacking) mode(h *tar.Header) uint32 {
	if u.keep {
		return uint32(h.Mode) & 0o7777
	}
	return uint32(h.Mode) & 0o1777
}

func (u *unpacking) owner(fd int, base string, h *tar.Header, flags int) error {
	uid, gid := os.Geteuid(), os.Getegid()
	if u.keep {
		uid, gid = h.Uid, h.Gid
	}
	return unix.Fchownat(fd, base, uid, gid, flags)
}

// attributes are owner, mode and time, in the order in which none undoes another.
func (u *unpacking) attributes(fd int, h *tar.Header) error {
	times := []unix.Timeval{unix.NsecToTimeval(h.ModTime.UnixNano()), unix.NsecToTimeval(h.ModTime.UnixNano())}
	return errors.Join(u.owner(fd, "", h, unix.AT_EMPTY_PATH), unix.Fchmod(fd, u.mode(h)), unix.Futimes(fd, times))
}

// finish gives folders their attributes, when nothing more comes into them.
func (u *unpacking) finish() error {
	for i := len(u.folders) - 1; i >= 0; i-- {
		h := u.folders[i]
		dir, base, err := u.parent(h.Name)
		if err != nil {
			return err
		}
		f, err := at(dir, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, belowOnly)
		if err == nil {
			err = errors.Join(u.attributes(int(f.Fd()), h), f.Close())
		}
		if err := errors.Join(err, dir.Close()); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
	return nil
}
