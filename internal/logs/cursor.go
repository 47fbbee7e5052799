package logs

import (
	"bytes"
	"errors"
	"io"
	"os"
)

const readSize = 64 << 10

// cursor reads one source from file to file. It holds the files that it has
// still to read open, so that a rotation takes nothing from it.
type cursor struct {
	src   Source
	order int // decides between records of the same time

	files []part // oldest first; reading the first
	off   int64  // of the next line in files[0]; always a line's beginning
	buf   []byte // allocated on first use
	start int    // buf[start:end] is at off
	end   int

	head    Record // shares memory with buf
	waiting bool   // head is not yet handed out
	once    bool   // read only what was there at the beginning
	stop    int64  // with once: where the last file ended then
	begun   bool   // the folder was there once, or should be
	gone    bool   // the folder was found missing
	ended   bool   // and all is read
}

// next moves to the next record; ok is false if there is none now. Lines that
// are no records are passed over.
func (c *cursor) next() (ok bool, err error) {
	for !c.ended {
		line, err := c.line()
		if err != nil {
			return false, err
		}
		if line == nil {
			more, err := c.advance()
			if !more || err != nil {
				return false, err
			}
			continue
		}
		if r, err := Parse(line); err == nil {
			c.head = r
			return true, nil
		}
	}
	return false, nil
}

// line gives the next whole line of the current file, or nil at its end. An
// unfinished line is read again each time: the writer may have cut it off.
func (c *cursor) line() ([]byte, error) {
	if len(c.files) == 0 || c.once && len(c.files) == 1 && c.off >= c.stop {
		return nil, nil
	}
	if l := c.take(); l != nil {
		return l, nil
	}
	if c.buf == nil {
		c.buf = make([]byte, readSize)
	}
	n, err := c.files[0].ReadAt(c.buf, c.off)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if c.once && len(c.files) == 1 {
		n = int(min(int64(n), c.stop-c.off)) // the rest of a record may have come since
	}
	c.start, c.end = 0, n
	if l := c.take(); l != nil {
		return l, nil
	}
	if n == len(c.buf) { // no record is this long: the file is damaged here
		c.off += int64(n)
		c.start, c.end = 0, 0
		return []byte{}, nil
	}
	c.end = 0
	return nil, nil
}

func (c *cursor) take() []byte {
	i := bytes.IndexByte(c.buf[c.start:c.end], '\n')
	if i < 0 {
		return nil
	}
	l := c.buf[c.start : c.start+i+1]
	c.start += len(l)
	c.off += int64(len(l))
	return l
}

// advance is called at the end of the current file, and says whether there is
// anything more to read. A younger file is noticed first; then the current one
// is read once more to its end, as it may have grown up to the moment of its
// rotation; only then is it left.
func (c *cursor) advance() (more bool, err error) {
	if len(c.files) > 1 {
		_ = c.files[0].Close()
		c.files = c.files[1:]
		c.off, c.start, c.end = 0, 0, 0
		return true, nil
	}
	switch {
	case len(c.files) == 0:
		return c.begin()
	case c.once:
		return false, nil
	}
	younger, err := c.younger(c.files[0])
	c.files = append(c.files, younger...)
	return len(younger) > 0, err
}

// begin opens the files that are there.
func (c *cursor) begin() (more bool, err error) {
	files, err := openChain(c.src.Dir)
	if errors.Is(err, os.ErrNotExist) {
		c.ended = c.begun
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c.adopt(files, 0)
	return len(files) > 0, nil
}

// adopt begins with these files at off, and notes where they end now.
func (c *cursor) adopt(files []part, off int64) {
	c.begun, c.files, c.off = true, files, off
	if len(files) == 0 {
		return
	}
	if st, err := files[len(files)-1].Stat(); err == nil {
		c.stop = st.Size()
	}
}

func (c *cursor) close() {
	for _, f := range c.files {
		_ = f.Close()
	}
	c.files, c.buf = nil, nil
}
