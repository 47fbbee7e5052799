package logs

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// packed is what the name of a compressed file ends in.
const packed = ".gz"

// logName is the name of the i-th youngest file of a log folder, before it is
// compressed.
func logName(i int) string {
	if i == 0 {
		return "log"
	}
	return "log." + strconv.Itoa(i)
}

// logIndex is the inverse of logName, also of a compressed file's; ok is false
// for any other name.
func logIndex(name string) (i int, ok bool) {
	if name == "log" {
		return 0, true
	}
	plain := strings.TrimSuffix(name, packed)
	n, found := strings.CutPrefix(plain, "log.")
	i, err := strconv.Atoi(n)
	return i, found && err == nil && i > 0 && logName(i) == plain
}

// rotate moves every file one place on; the oldest falls out. It goes from the
// oldest to the youngest, so that an interrupted rotation loses nothing.
func rotate(dir string, files int) error {
	if files == 1 {
		return os.Remove(filepath.Join(dir, logName(0)))
	}
	for i := files - 1; i > 0; i-- {
		if err := moveOn(dir, i-1); err != nil {
			return err
		}
	}
	return nil
}

// moveOn gives the i-th file the place of the next one, which falls out in
// whatever form it is.
func moveOn(dir string, i int) error {
	from, to := filepath.Join(dir, logName(i)), filepath.Join(dir, logName(i+1))
	for form, other := range map[string]string{"": packed, packed: ""} {
		err := os.Rename(from+form, to+form)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.Remove(to + other); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// removeBeyond takes away what an earlier, larger bound left. Best effort: it
// only saves space.
func removeBeyond(dir string, files int) {
	for _, i := range logIndexes(dir) {
		if i >= files {
			_ = os.Remove(filepath.Join(dir, logName(i)))
			_ = os.Remove(filepath.Join(dir, logName(i)+packed))
		}
	}
}

// logIndexes lists the files of a log folder, youngest first, each once.
func logIndexes(dir string) (is []int) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if i, ok := logIndex(e.Name()); ok {
			is = append(is, i)
		}
	}
	slices.Sort(is)
	return slices.Compact(is)
}
