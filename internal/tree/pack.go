package tree

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

// packing writes one tree as a tar stream.
type packing struct {
	w     *tar.Writer
	links map[[2]uint64]string // files with several names, by device and inode
}

// pack writes what f stands for under a name, with all that is below it. A name
// of "." is left out itself.
func pack(w io.Writer, f *os.File, name string) error {
	p := &packing{w: tar.NewWriter(w), links: map[[2]uint64]string{}}
	if err := p.entry(f, name, 0); err != nil {
		return err
	}
	return p.w.Close()
}

func (p *packing) entry(f *os.File, name string, above uint64) error {
	st, err := stat(f)
	if err != nil {
		return err
	}
	h := &tar.Header{
		Name: name, Mode: int64(st.Mode & 0o7777), Uid: int(st.Uid), Gid: int(st.Gid),
		ModTime: time.Unix(st.Mtim.Unix()), Format: tar.FormatPAX,
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return p.folder(f, h, st, above)
	case unix.S_IFREG:
		return p.file(f, h, st)
	case unix.S_IFLNK:
		h.Typeflag = tar.TypeSymlink
		if h.Linkname, err = readLink(f); err != nil {
			return err
		}
	case unix.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	case unix.S_IFCHR, unix.S_IFBLK:
		h.Typeflag = tar.TypeChar
		if st.Mode&unix.S_IFMT == unix.S_IFBLK {
			h.Typeflag = tar.TypeBlock
		}
		h.Devmajor, h.Devminor = int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev))
	default: // a socket is nothing without its process
		return nil
	}
	return p.w.WriteHeader(h)
}

func (p *packing) folder(f *os.File, h *tar.Header, st unix.Stat_t, above uint64) error {
	h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
	if h.Name != "./" {
		if err := p.w.WriteHeader(h); err != nil {
			return err
		}
	}
	if above != st.Dev && (ofTheKernel(f) || above != 0 && path.Base(h.Name) == "dev") { // where devices are, and nothing else
		return nil
	}
	list, err := at(f, ".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	names, err := list.Readdirnames(-1)
	if err := errors.Join(err, list.Close()); err != nil {
		return err
	}
	for _, n := range names {
		if err := p.below(f, n, path.Join(h.Name, n), st.Dev); err != nil {
			return err
		}
	}
	return nil
}

func (p *packing) below(dir *os.File, name, as string, above uint64) error {
	f, err := at(dir, name, unix.O_PATH|unix.O_NOFOLLOW, belowOnly)
	if err != nil {
		return ignoreMissing(err) // it has just gone
	}
	defer func() { _ = f.Close() }() // nothing was written
	return p.entry(f, as, above)
}

func (p *packing) file(f *os.File, h *tar.Header, st unix.Stat_t) error {
	id := [2]uint64{st.Dev, st.Ino}
	if first, ok := p.links[id]; ok {
		h.Typeflag, h.Linkname = tar.TypeLink, first
		return p.w.WriteHeader(h)
	}
	if st.Nlink > 1 {
		p.links[id] = h.Name
	}
	h.Typeflag, h.Size = tar.TypeReg, st.Size
	r, err := reopen(f, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // nothing was written
	if ofTheKernel(f) {
		return p.madeUp(r, h)
	}
	if err := p.w.WriteHeader(h); err != nil {
		return err
	}
	n, err := io.Copy(p.w, io.LimitReader(r, st.Size))
	if err == nil && n < st.Size {
		err = fmt.Errorf("%s became shorter while it was read", h.Name)
	}
	return err
}

// madeUp writes a file whose size is known once it is read.
func (p *packing) madeUp(r io.Reader, h *tar.Header) error {
	b, err := io.ReadAll(io.LimitReader(r, madeUpLimit+1))
	if err == nil && len(b) > madeUpLimit {
		err = fmt.Errorf("%s is of the kernel, and has no end", h.Name)
	}
	if err != nil {
		return err
	}
	h.Size = int64(len(b))
	if err := p.w.WriteHeader(h); err != nil {
		return err
	}
	_, err = p.w.Write(b)
	return err
}

// madeUpLimit bounds what is read of a file of the kernel's.
const madeUpLimit = 1 << 20

// ofTheKernel says whether a mount holds what the kernel makes up: such are shown
// as empty folders. Others are the container's volumes and memory.
func ofTheKernel(f *os.File) bool {
	var fs unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &fs) != nil {
		return false
	}
	switch int64(fs.Type) {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC,
		unix.DEVPTS_SUPER_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.BPF_FS_MAGIC, 0x19800202: // the last: mqueue
		return true
	}
	return false
}
