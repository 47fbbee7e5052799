package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"
)

// Mirroring bends a Mirror.
type Mirroring struct {
	UID, GID int  // whose all is that comes in
	Lazy     bool // a file of the same size, time and mode is taken as the same
}

// Mirror makes paths of the tree what others are on this machine: targets are
// the tree's paths, by which those of this machine are found. A file comes with
// content, mode and time, whole or not at all; a link as a link; a folder by
// itself, without what is in it. What is not there, or found by no name, goes,
// with all that is below it. Folders above are made. notes tell what was left out: nothing else can be
// mirrored. One that fails does not keep the others from being done.
func (r *Root) Mirror(targets map[string]string, o Mirroring) (notes []string, err error) {
	m := &mirror{Mirroring: o, root: r}
	var errs []error
	for _, to := range slices.Sorted(maps.Keys(targets)) { // folders before what is in them
		if err := m.one(targets[to], to); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", to, mirrorError(err)))
		}
	}
	return m.notes, errors.Join(errs...)
}

// mirrorError says what to do where that is known.
func mirrorError(err error) error {
	switch {
	case errors.Is(err, unix.EROFS):
		return errors.New("it lies on a read-only file system: sync to a volume, or do without read_only")
	case errors.Is(err, unix.ENOSPC):
		return errors.New("the file system it lies on is full")
	}
	return err
}

// mirror is one Mirror under way.
type mirror struct {
	Mirroring
	root  *Root
	notes []string
}

func (m *mirror) one(from, to string) error {
	to = path.Clean("/" + to)
	if to == "/" {
		return errors.New("the root of a container is not replaced")
	}
	if from == "" {
		return m.remove(to)
	}
	var st unix.Stat_t
	err := unix.Lstat(from, &st)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return m.remove(to)
	}
	if err != nil {
		return &fs.PathError{Op: "look at", Path: from, Err: err}
	}
	kind := st.Mode & unix.S_IFMT
	if kind != unix.S_IFREG && kind != unix.S_IFDIR && kind != unix.S_IFLNK {
		m.notes = append(m.notes, from+" is neither file, folder nor link: left out")
		return nil
	}
	dir, err := m.above(path.Dir(to))
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // an O_PATH descriptor
	s := seat{dir: dir, base: path.Base(to)}
	switch kind {
	case unix.S_IFDIR:
		return m.folder(s, st)
	case unix.S_IFLNK:
		return m.link(s, from)
	default:
		return m.file(s, from, st, to)
	}
}

// seat is where something goes: a name in a folder.
type seat struct {
	dir  *os.File
	base string
}

func (s seat) fd() int { return int(s.dir.Fd()) }

// stat is of what is there, without following a link; none says that nothing is.
func (s seat) stat() (st unix.Stat_t, none bool, err error) {
	err = unix.Fstatat(s.fd(), s.base, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return st, true, nil
	}
	return st, false, err
}

// aside is the name under which a file is written before it takes its place. It
// is fixed: what a killed writer has left is taken over by the next.
func (s seat) aside() string { return "." + s.base[:min(len(s.base), 200)] + ".stackup~" }

// above opens a folder of the tree, which is made if it is not there. Links
// lead where they lead in the tree.
func (m *mirror) above(name string) (*os.File, error) {
	dir, err := at(m.root.f, name, unix.O_PATH|unix.O_DIRECTORY, inRoot)
	if err == nil || !errors.Is(err, unix.ENOENT) || name == "/" {
		return dir, err
	}
	up, err := m.above(path.Dir(name))
	if err != nil {
		return nil, err
	}
	err = m.makeFolder(seat{up, path.Base(name)}, 0o755)
	if err := errors.Join(err, up.Close()); err != nil {
		return nil, err
	}
	return at(m.root.f, name, unix.O_PATH|unix.O_DIRECTORY, inRoot)
}

func (m *mirror) makeFolder(s seat, mode uint32) error {
	if err := unix.Mkdirat(s.fd(), s.base, 0o700); err != nil {
		return err
	}
	if err := unix.Fchownat(s.fd(), s.base, m.UID, m.GID, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	return m.chmod(s, mode)
}

// chmod changes the folder that is there, and nothing that a link leads to.
func (m *mirror) chmod(s seat, mode uint32) error {
	f, err := at(s.dir, s.base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, belowOnly)
	if err != nil {
		return err
	}
	return errors.Join(unix.Fchmod(int(f.Fd()), mode&0o1777), f.Close())
}

func (m *mirror) folder(s seat, want unix.Stat_t) error {
	st, none, err := s.stat()
	switch {
	case err != nil:
		return err
	case !none && isDir(st):
		return m.chmod(s, want.Mode)
	}
	if !none {
		if err := unix.Unlinkat(s.fd(), s.base, 0); err != nil {
			return err
		}
	}
	return m.makeFolder(s, want.Mode)
}

func (m *mirror) link(s seat, from string) error {
	leads, err := os.Readlink(from)
	if err != nil {
		return ignoreMissing(err) // it has just gone: the next change says so
	}
	_ = unix.Unlinkat(s.fd(), s.aside(), 0)
	if err := unix.Symlinkat(leads, s.fd(), s.aside()); err != nil {
		return err
	}
	if err := unix.Fchownat(s.fd(), s.aside(), m.UID, m.GID, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	return m.seatIt(s)
}

// seatIt gives what was written aside its name. A folder that has it goes.
func (m *mirror) seatIt(s seat) error {
	err := unix.Renameat(s.fd(), s.aside(), s.fd(), s.base)
	if errors.Is(err, unix.EISDIR) || errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
		if err = removeAll(s); err == nil {
			err = unix.Renameat(s.fd(), s.aside(), s.fd(), s.base)
		}
	}
	if err != nil {
		_ = unix.Unlinkat(s.fd(), s.aside(), 0) // the error says what went wrong
	}
	return err
}

func (m *mirror) file(s seat, from string, want unix.Stat_t, to string) error {
	if st, none, err := s.stat(); m.Lazy && err == nil && !none && same(st, want) {
		return nil
	}
	in, err := os.OpenFile(from, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return m.remove(to)
		}
		return err
	}
	defer func() { _ = in.Close() }() // nothing was written
	_ = unix.Unlinkat(s.fd(), s.aside(), 0)
	err = m.fill(s, s.aside(), unix.O_CREAT|unix.O_EXCL, in, want)
	if err == nil {
		err = m.seatIt(s)
	}
	if errors.Is(err, unix.EBUSY) { // something is mounted there: it is written in place
		if _, err := in.Seek(0, io.SeekStart); err != nil {
			return err
		}
		return m.fill(s, s.base, unix.O_TRUNC, in, want)
	}
	return err
}

func same(a, b unix.Stat_t) bool {
	return a.Mode == b.Mode && a.Size == b.Size && a.Mtim == b.Mtim
}

// fill writes a file with its attributes.
func (m *mirror) fill(s seat, name string, how int, in io.Reader, want unix.Stat_t) error {
	fd, err := unix.Openat(s.fd(), name, unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|how, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), name)
	_, err = io.Copy(f, in)
	times := []unix.Timespec{want.Mtim, want.Mtim}
	err = errors.Join(err, unix.Fchown(fd, m.UID, m.GID), unix.Fchmod(fd, want.Mode&0o1777),
		unix.UtimesNanoAt(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), times, 0), f.Close())
	if err != nil && how&unix.O_CREAT != 0 {
		_ = unix.Unlinkat(s.fd(), name, 0) // the error says what went wrong
	}
	return err
}

// remove takes away what is at a path; the folder above may be gone, too.
func (m *mirror) remove(to string) error {
	dir, err := at(m.root.f, path.Dir(to), unix.O_PATH|unix.O_DIRECTORY, inRoot)
	if err != nil {
		if errors.Is(err, unix.ENOTDIR) {
			return nil
		}
		return ignoreMissing(err)
	}
	return errors.Join(removeAll(seat{dir, path.Base(to)}), dir.Close())
}

// removeAll removes what is there, with all below it, and follows no link.
func removeAll(s seat) error {
	err := unix.Unlinkat(s.fd(), s.base, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) {
		return err
	}
	dir, err := at(s.dir, s.base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, belowOnly)
	if err != nil {
		return ignoreMissing(err)
	}
	names, err := dir.Readdirnames(-1)
	errs := []error{err}
	for _, n := range names {
		errs = append(errs, removeAll(seat{dir, n}))
	}
	errs = append(errs, dir.Close())
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return ignoreMissing(unix.Unlinkat(s.fd(), s.base, unix.AT_REMOVEDIR))
}
