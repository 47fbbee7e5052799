package tree

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// Options bend a copy.
type Options struct {
	Follow bool // a link that the source's path ends in: what it leads to is copied
	Keep   bool // owners are kept; else all is its who copies
}

// source is what is copied, and how its path was written.
type source struct {
	f        *os.File // O_PATH
	dir      bool
	contents bool // a folder without itself: its path ends in /.
	name     string
}

// source finds what is to be copied. Its name is what it goes by in a folder.
func (r *Root) source(name string, o Options) (s source, err error) {
	whole := path.Clean("/" + name)
	s.contents = path.Base(name) == "." || whole == "/"
	slash := strings.HasSuffix(name, "/")
	if s.f, err = r.lookup(name, o.Follow || s.contents || slash); err != nil {
		return s, err
	}
	st, err := stat(s.f)
	s.dir, s.name = isDir(st), path.Base(whole)
	if err == nil && slash && !s.dir {
		err = fmt.Errorf("%s: it is no folder", name)
	}
	if err != nil {
		return s, errors.Join(err, s.f.Close())
	}
	return s, nil
}

// Copy copies what is at a path of one tree to a path of another, as docker cp
// has it: into a folder that is there, else to that name.
func Copy(from *Root, src string, to *Root, dst string, o Options) error {
	s, err := from.source(src, o)
	if err != nil {
		return err
	}
	defer func() { _ = s.f.Close() }() // an O_PATH descriptor
	p, err := to.place(dst, s)
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := pack(w, s.f, firstOf(p.name, "."))
		w.CloseWithError(err)
		packed <- err
	}()
	err = to.unpack(r, p.dir, o.Keep)
	_ = r.CloseWithError(errStopped) // ends the packing, if the unpacking has failed
	if perr := <-packed; perr != nil && !errors.Is(perr, errStopped) {
		return perr // which is what the unpacking says, too
	}
	return err
}

var errStopped = errors.New("nobody reads on")

// place says where a source goes.
func (r *Root) place(dst string, s source) (p place, err error) {
	end, err := r.end(dst)
	if err != nil {
		return p, err
	}
	exists, dir, err := r.kind(end)
	switch {
	case err != nil:
		return p, err
	case dir && s.contents && s.dir:
		return place{dir: end}, nil
	case dir:
		return place{dir: end, name: s.name}, nil
	case exists && s.dir:
		return p, fmt.Errorf("%s is a file: a folder cannot be copied to it", dst)
	case !s.dir && strings.HasSuffix(dst, "/"):
		return p, fmt.Errorf("%s: there is no such folder to copy a file into", dst)
	}
	above := parent(end)
	if _, dir, err := r.kind(above); err != nil || !dir {
		return p, errors.Join(err, fmt.Errorf("%s: there is no folder %s", dst, above))
	}
	return place{dir: above, name: path.Base(path.Clean(end))}, nil
}

// Pack writes what is at a path as a tar archive.
func (r *Root) Pack(w io.Writer, src string, o Options) error {
	s, err := r.source(src, o)
	if err != nil {
		return err
	}
	defer func() { _ = s.f.Close() }() // an O_PATH descriptor
	name := s.name
	if s.contents && s.dir {
		name = "."
	}
	return pack(w, s.f, name)
}

// Unpack writes a tar archive, packed by gzip or not, into a folder.
func (r *Root) Unpack(in io.Reader, dst string, o Options) error {
	_, dir, err := r.kind(dst)
	if err != nil {
		return err
	}
	if !dir {
		return fmt.Errorf("%s: there is no such folder to unpack an archive into", dst)
	}
	b := bufio.NewReader(in)
	if head, _ := b.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) { // less than that is no archive, as unpacking says
		z, err := gzip.NewReader(b)
		if err != nil {
			return err
		}
		return r.unpack(z, dst, o.Keep)
	}
	return r.unpack(b, dst, o.Keep)
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
