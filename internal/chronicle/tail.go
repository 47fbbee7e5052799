package chronicle

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
)

// tail reads what is appended to one file.
type tail struct {
	f    *os.File
	rest []byte // of a line that is not whole yet
}

// read takes in what is new. The file before is read on: a writer may have opened
// it just before it was replaced.
func (r *reader) read() error {
	gone, err := r.open()
	if err != nil {
		return err
	}
	for _, t := range r.tails {
		if err := t.read(r.add); err != nil {
			return err
		}
	}
	for _, t := range gone {
		_ = t.f.Close() // only read from
	}
	r.tails = slices.DeleteFunc(r.tails, func(t *tail) bool { return slices.Contains(gone, t) })
	return nil
}

// open sees to it that the files that there are have a tail each, and gives those
// whose file has gone. The newer file is looked for first: if it is replaced
// meanwhile, it is found once more as the older one.
func (r *reader) open() (gone []*tail, err error) {
	gone = slices.Clone(r.tails)
	for _, path := range []string{r.book.Path, r.book.older()} {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(r.tails, func(t *tail) bool { return same(t.f, f) })
		if i < 0 {
			r.tails = append(r.tails, &tail{f: f})
			continue
		}
		gone = slices.DeleteFunc(gone, func(t *tail) bool { return t == r.tails[i] })
		_ = f.Close() // only looked at
	}
	return gone, nil
}

func same(a, b *os.File) bool {
	x, err := a.Stat()
	if err != nil {
		return false
	}
	y, err := b.Stat()
	return err == nil && os.SameFile(x, y)
}

// read gives what the whole lines say that have come. What is no entry, as a line
// that was cut short, is passed over.
func (t *tail) read(add func(Entry)) error {
	b, err := io.ReadAll(t.f)
	if err != nil {
		return err
	}
	t.rest = append(t.rest, b...)
	for {
		line, rest, whole := bytes.Cut(t.rest, []byte{'\n'})
		if !whole {
			return nil
		}
		t.rest = rest
		var e Entry
		if json.Unmarshal(line, &e) == nil && !e.Time.IsZero() {
			add(e)
		}
	}
}

func (r *reader) close() {
	for _, t := range r.tails {
		_ = t.f.Close() // only read from
	}
}
