package logs

import (
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// aside is where a compressed file is written before it takes its place. A
// killed writer's is taken over by the next.
const aside = "packing"

// packing lets one file of all logs be compressed at a time: it takes a megabyte.
var packing sync.Mutex

// pack compresses the files of a log that are full, one after the other, beside
// the writing, and reports whether it came to the last one. It is best effort: what
// cannot be compressed stays as it is.
func (w *Writer) pack() (all bool) {
	packing.Lock()
	defer packing.Unlock()
	for {
		w.mu.Lock()
		name := w.unpacked()
		w.mu.Unlock()
		if name == "" {
			return true
		}
		if !w.packOne(name) {
			return false
		}
	}
}

// packOne compresses a file, and reports whether the next one may be looked for.
// Rotations go on meanwhile: the file is known by its inode.
func (w *Writer) packOne(name string) bool {
	in, err := os.Open(name)
	if err != nil {
		return errors.Is(err, os.ErrNotExist) // it has been moved on: look again
	}
	defer func() { _ = in.Close() }() // only read from
	tmp := filepath.Join(w.dir, aside)
	if err := packInto(tmp, in); err != nil {
		_ = os.Remove(tmp)
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.exchange(in, tmp)
}

// unpacked is the oldest file but the current one that is not compressed.
func (w *Writer) unpacked() (name string) {
	for _, i := range logIndexes(w.dir) {
		path := filepath.Join(w.dir, logName(i))
		if _, err := os.Lstat(path); i > 0 && err == nil {
			name = path
		}
	}
	return name
}

func packInto(tmp string, in io.Reader) error {
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	z, _ := gzip.NewWriterLevel(f, gzip.BestSpeed) // the level is a good one
	_, err = io.Copy(z, in)
	return errors.Join(err, z.Close(), f.Close())
}

// exchange puts the compressed file where the plain one is now.
func (w *Writer) exchange(plain *os.File, tmp string) bool {
	for _, i := range logIndexes(w.dir) {
		path := filepath.Join(w.dir, logName(i))
		mine, err1 := plain.Stat()
		there, err2 := os.Lstat(path)
		if i == 0 || err1 != nil || err2 != nil || !os.SameFile(mine, there) {
			continue
		}
		return os.Rename(tmp, path+packed) == nil && os.Remove(path) == nil
	}
	_ = os.Remove(tmp) // the file has fallen out meanwhile
	return true
}

// part is one file of a log, open for reading.
type part struct {
	*os.File
	origin os.FileInfo // of the file in the folder; that of a compressed one is another
}

// openPart opens the i-th youngest file. What a compressed one holds comes to
// memory, as long as it is open: not more than the bound of a file.
func openPart(dir string, i int) (p part, err error) {
	path := filepath.Join(dir, logName(i))
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) && i > 0 {
		return openPacked(path + packed)
	}
	if err != nil {
		return p, err
	}
	st, err := f.Stat()
	if err != nil {
		return p, errors.Join(err, f.Close())
	}
	return part{f, st}, nil
}

func openPacked(path string) (p part, err error) {
	in, err := os.Open(path)
	if err != nil {
		return p, err
	}
	defer func() { _ = in.Close() }() // only read from
	st, err := in.Stat()
	if err != nil {
		return p, err
	}
	fd, err := unix.MemfdCreate("log", unix.MFD_CLOEXEC)
	if err != nil {
		return p, err
	}
	p = part{os.NewFile(uintptr(fd), path), st}
	z, err := gzip.NewReader(in)
	if err == nil {
		_, err = io.Copy(p.File, z)
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) { // of a damaged one the beginning is shown
		return part{}, errors.Join(err, p.Close())
	}
	return p, nil
}

// statPart is of the i-th youngest file as it is in the folder.
func statPart(dir string, i int) (os.FileInfo, error) {
	path := filepath.Join(dir, logName(i))
	st, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) && i > 0 {
		return os.Stat(path + packed)
	}
	return st, err
}
