package logs

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// logName is the name of the i-th youngest file of a log folder.
func logName(i int) string {
	if i == 0 {
		return "log"
	}
	return "log." + strconv.Itoa(i)
}

// logIndex is the inverse of logName; ok is false for any other name.
func logIndex(name string) (i int, ok bool) {
	if name == "log" {
		return 0, true
	}
	n, found := strings.CutPrefix(name, "log.")
	i, err := strconv.Atoi(n)
	return i, found && err == nil && i > 0 && logName(i) == name
}

// rotate moves every file one place on; the oldest falls out. It goes from the
// oldest to the youngest, so that an interrupted rotation loses nothing.
func rotate(dir string, files int) error {
	if files == 1 {
		return os.Remove(filepath.Join(dir, logName(0)))
	}
	for i := files - 1; i > 0; i-- {
		err := os.Rename(filepath.Join(dir, logName(i-1)), filepath.Join(dir, logName(i)))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
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
		}
	}
}

// logIndexes lists the files of a log folder, in no order.
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
	return is
}
