package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"stackup.dev/stackup/internal/statedir"
)

// sweep takes away what the world whose folders begin with prefix has left, after
// its processes, mounts and links have gone with its namespaces, and says what it
// was. A test that has ended by itself has left nothing.
func sweep(prefix string) error {
	folders, err := filepath.Glob(prefix + "*")
	if err != nil {
		return err
	}
	var left error
	for _, dir := range folders {
		roots, err := filepath.Glob(filepath.Join(dir, "r*"))
		if err != nil {
			return err
		}
		for _, root := range roots {
			for _, group := range controlGroups(root) {
				left = errors.Join(left, fmt.Errorf("left behind: control group %s", group), os.Remove(group))
			}
		}
		left = errors.Join(left, fmt.Errorf("left behind: %s", dir), os.RemoveAll(dir))
	}
	return left
}

// controlGroups lists the control groups of the stackup whose root this is, inner
// ones first.
func controlGroups(root string) (out []string) {
	name := statedir.Dirs{Root: root}.Namespace() // its control groups' parent bears the name
	for _, pattern := range []string{"/sys/fs/cgroup/" + name, "/sys/fs/cgroup/*/" + name} {
		tops, _ := filepath.Glob(pattern) // the pattern is good
		for _, top := range tops {
			_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					out = append(out, path)
				}
				return nil // what is gone meanwhile is not left
			})
		}
	}
	slices.Reverse(out)
	return out
}
