package box

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Sweep removes control groups of these names, of either version, with all
// below them: no namespace takes them along. The names must be the caller's
// alone, as another's empty group would go as well.
func Sweep(names []string) (err error) {
	for _, name := range names {
		for _, pattern := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} {
			found, _ := filepath.Glob(pattern + name) // the pattern is good
			for _, top := range found {
				err = errors.Join(err, removeGroup(top))
			}
		}
	}
	return err
}

// removeGroup removes from the leaves up; the files in them go along.
func removeGroup(top string) (err error) {
	var dirs []string
	walk := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil // gone meanwhile
	})
	slices.SortFunc(dirs, func(a, b string) int { return strings.Count(b, "/") - strings.Count(a, "/") })
	for _, dir := range dirs {
		if e := os.Remove(dir); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return errors.Join(walk, err)
}
