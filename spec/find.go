package spec

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// fileNames are the default stack files in order of preference: ours first,
// then those of the Compose Specification, section "The Compose file".
func fileNames() []string {
	return []string{
		"stack.yaml", "stack.yml", "compose.yaml", "compose.yml",
		"docker-compose.yml", "docker-compose.yaml",
	}
}

// findFiles looks for a default file in dir, then in its parents, and for an
// override file beside the one found.
func findFiles(dir string, rep *report) ([]string, error) {
	for d := dir; ; d = filepath.Dir(d) {
		if found := existing(d, fileNames()); len(found) > 0 {
			files := []string{found[0]}
			if len(found) > 1 {
				rep.notice(position{}, "several stack files in %s; using %s", d, filepath.Base(found[0]))
			}
			overrides := existing(d, overrideNames(found[0]))
			return append(files, overrides[:min(1, len(overrides))]...), nil
		}
		if d == filepath.Dir(d) {
			return nil, &Error{
				Class: fs.ErrNotExist,
				Msg:   fmt.Sprintf("no stack file in %s or a folder above it", dir),
				Hint:  "looked for " + strings.Join(fileNames(), ", ") + "; name one with -f",
			}
		}
	}
}

// overrideNames are the override files that go with a main file: those of the
// same stem first, so that stack.yaml takes stack.override.yaml.
func overrideNames(main string) []string {
	stem := stemOf(main)
	names := []string{stem + ".override.yaml", stem + ".override.yml"}
	for _, n := range fileNames() {
		o := stemOf(n) + ".override" + filepath.Ext(n)
		// A stack file is overridden by a stack override only, a Compose file by Compose ones.
		if strings.HasPrefix(o, "stack.") == strings.HasPrefix(stem, "stack") && !slices.Contains(names, o) {
			names = append(names, o)
		}
	}
	return names
}

func stemOf(file string) string {
	base := filepath.Base(file)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

func existing(dir string, names []string) []string {
	var found []string
	for _, n := range names {
		path := filepath.Join(dir, n)
		if _, err := os.Stat(path); err == nil {
			found = append(found, path)
		}
	}
	return found
}
