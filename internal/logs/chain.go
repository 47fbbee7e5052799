package logs

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// chainTries bounds the tries to see a folder between two rotations. The
// fastest container rotates some ten times a second, a look takes microseconds.
const chainTries = 50

// openChain opens all files of a log folder, oldest first. It sees them as
// they were at one moment: if a rotation came between, it looks again.
func openChain(dir string) ([]*os.File, error) {
	for try := 1; ; try++ {
		if _, err := os.Stat(dir); err != nil {
			return nil, err
		}
		files, ok := tryChain(dir)
		if ok || try == chainTries {
			return files, nil
		}
		closeAll(files)
	}
}

func tryChain(dir string) (files []*os.File, ok bool) {
	is := logIndexes(dir)
	slices.Sort(is)
	slices.Reverse(is)
	for _, i := range is {
		f, err := os.Open(filepath.Join(dir, logName(i)))
		if err != nil {
			return files, false
		}
		files = append(files, f)
	}
	for k, i := range is {
		if !isAt(files[k], dir, i) {
			return files, false
		}
	}
	return files, len(logIndexes(dir)) == len(is)
}

// isAt says whether f is now the i-th youngest file.
func isAt(f *os.File, dir string, i int) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(filepath.Join(dir, logName(i)))
	return err == nil && os.SameFile(mine, there)
}

// younger opens the files that follow f, oldest first; none if f is the
// youngest. If f itself has fallen out, those are all that are left. A folder
// that is gone ends the source.
func (c *cursor) younger(f *os.File) ([]*os.File, error) {
	dir := c.src.Dir
	for range chainTries {
		if isAt(f, dir, 0) {
			return nil, nil
		}
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			return nil, c.endOf(f)
		}
		files, ok := tryChain(dir)
		if !ok || len(files) == 0 {
			closeAll(files)
			continue
		}
		return c.pickAfter(f, files), nil
	}
	return nil, nil // the next look will tell
}

// endOf ends the source, unless its last file grew after it was read.
func (c *cursor) endOf(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	c.ended = st.Size() <= c.off || c.gone
	c.gone = true
	return nil
}

// pickAfter keeps open the files after f. If f is not among them, it has fallen
// out by rotation, or somebody is just deleting the folder file by file: then
// those that begin after what was read.
func (c *cursor) pickAfter(f *os.File, files []*os.File) []*os.File {
	at := 0
	for at < len(files) && !startsAfter(files[at], c.head.Time) {
		at++
	}
	if mine, err := f.Stat(); err == nil {
		for i, o := range files {
			if st, err := o.Stat(); err == nil && os.SameFile(mine, st) {
				at = i + 1
			}
		}
	}
	closeAll(files[:at])
	return files[at:]
}

// startsAfter says whether the first record of f is younger than t. Times rise
// strictly from one write to the next, over all files of a log.
func startsAfter(f *os.File, t time.Time) bool {
	b := make([]byte, len(timeFormat))
	if _, err := f.ReadAt(b, 0); err != nil {
		return true // empty as yet
	}
	first, err := parseTime(b)
	return err != nil || first.After(t)
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
