package logs

import (
	"errors"
	"os"
	"slices"
	"time"
)

// chainTries bounds the tries to see a folder between two rotations. The
// fastest container rotates some ten times a second, a look takes microseconds.
const chainTries = 50

// openChain opens all files of a log folder, oldest first. It sees them as
// they were at one moment: if a rotation came between, it looks again.
func openChain(dir string) ([]part, error) {
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

func tryChain(dir string) (files []part, ok bool) {
	is := logIndexes(dir)
	slices.Reverse(is)
	for _, i := range is {
		f, err := openPart(dir, i)
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
func isAt(f part, dir string, i int) bool {
	there, err := statPart(dir, i)
	return err == nil && os.SameFile(f.origin, there)
}

// younger opens the files that follow f, oldest first; none if f is the
// youngest. If f itself has fallen out, those are all that are left. A folder
// that is gone ends the source.
func (c *cursor) younger(f part) ([]part, error) {
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
func (c *cursor) endOf(f part) error {
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
func (c *cursor) pickAfter(f part, files []part) []part {
	at := 0
	for at < len(files) && !startsAfter(files[at], c.head.Time) {
		at++
	}
	for i, o := range files {
		if os.SameFile(f.origin, o.origin) {
			at = i + 1
		}
	}
	closeAll(files[:at])
	return files[at:]
}

// startsAfter says whether the first record of f is younger than t. Times rise
// strictly from one write to the next, over all files of a log.
func startsAfter(f part, t time.Time) bool {
	b := make([]byte, len(timeFormat))
	if _, err := f.ReadAt(b, 0); err != nil {
		return true // empty as yet
	}
	first, err := parseTime(b)
	return err != nil || first.After(t)
}

func closeAll(files []part) {
	for _, f := range files {
		_ = f.Close()
	}
}
