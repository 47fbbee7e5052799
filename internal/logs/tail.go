package logs

import (
	"bytes"
	"errors"
	"io"
	"os"
	"time"
)

// seekTail places the cursor so that n lines of what is there are left to
// read. It reads the files backwards, so that large ones take no longer.
func (c *cursor) seekTail(n int) error {
	files, err := openChain(c.src.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	t := tail{want: n, end: -1}
	for i := len(files) - 1; i >= 0; i-- {
		off, enough, err := t.scan(files[i])
		if err != nil {
			closeAll(files)
			return err
		}
		if enough || i == 0 {
			closeAll(files[:i])
			c.adopt(files[i:], off)
			c.stop = t.end
			c.head.Time = t.before
			return nil
		}
	}
	return nil
}

// tail counts lines backwards over the files of a source.
type tail struct {
	want, have int
	begun      bool      // the last record was seen
	end        int64     // of the youngest file, when it was looked at
	before     time.Time // of the last record not wanted
}

// scan goes backwards through f, and returns the place of the first line
// wanted, or 0 if f has no more than is wanted.
func (t *tail) scan(f part) (off int64, enough bool, err error) {
	st, err := f.Stat()
	if err != nil {
		return 0, false, err
	}
	if t.end < 0 {
		t.end = st.Size()
	}
	buf := make([]byte, 2*readSize)
	for end := st.Size(); end > 0; {
		from := max(0, end-int64(len(buf)))
		n, err := f.ReadAt(buf[:end-from], from)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, false, err
		}
		used, enough := t.block(buf[:n], from == 0)
		if enough {
			return from + int64(used), true, nil
		}
		if used == n { // not one line begins here: damaged
			used = 0
		}
		end = from + int64(used)
	}
	return 0, false, nil
}

// block looks at the lines of b from its end on. It returns the place after
// the last line that is not wanted, or the beginning of the first line seen
// whole. first says that b is the beginning of the file.
func (t *tail) block(b []byte, first bool) (used int, enough bool) {
	end := bytes.LastIndexByte(b, '\n') + 1 // what follows is unfinished
	if end == 0 {
		return len(b), false
	}
	for end > 0 {
		start := bytes.LastIndexByte(b[:end-1], '\n') + 1
		if start == 0 && !first {
			break
		}
		if r, ok := t.endsLine(b[start:end]); ok {
			if t.have == t.want {
				t.before = r.Time
				return end, true
			}
			t.have++
		}
		end = start
	}
	return end, false
}

// endsLine says whether a record is the last one of a printed line: a full
// one, or the very last of the log.
func (t *tail) endsLine(line []byte) (Record, bool) {
	r, err := Parse(line)
	if err != nil {
		return r, false
	}
	newest := !t.begun
	t.begun = true
	return r, !r.Partial || newest
}
