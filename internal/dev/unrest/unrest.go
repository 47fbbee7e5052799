// Package unrest changes file trees at random, and says what is in them: for tests
// of what follows such changes.
package unrest

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Operate does one thing at random in a folder: it writes, appends, makes folders
// and links, renames, removes, or changes modes. What cannot be done is not.
func Operate(rnd *rand.Rand, dir string) {
	p := pick(rnd, dir)
	switch rnd.IntN(9) {
	case 0, 1:
		_ = os.WriteFile(p, []byte(fmt.Sprint(rnd.Int())), 0o644) //nolint:forbidigo // in place, as editors do it
	case 2:
		if f, err := os.OpenFile(p, os.O_APPEND|os.O_WRONLY, 0); err == nil {
			_, _ = f.WriteString("more")
			_ = f.Close()
		}
	case 3, 4:
		_ = os.MkdirAll(p, 0o755)
	case 5, 6:
		_ = os.Rename(p, pick(rnd, dir))
	case 7:
		if rnd.IntN(3) == 0 {
			_ = os.RemoveAll(p)
		} else if info, err := os.Lstat(p); err == nil && info.Mode().IsRegular() {
			_ = os.Chmod(p, fs.FileMode(0o600+rnd.IntN(64)))
		}
	case 8:
		_ = os.Symlink("nowhere", p)
	}
}

func pick(rnd *rand.Rand, dir string) string {
	parts := make([]string, 1+rnd.IntN(3))
	for i := range parts {
		parts[i] = string(rune('a' + rnd.IntN(5)))
	}
	return filepath.Join(dir, strings.Join(parts, "/"))
}

// Contents sums up what is below a folder, by path: kinds, targets of links, digests
// and modes of files.
func Contents(dir string) (map[string]string, error) {
	out := map[string]string{}
	return out, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err == nil && rel != "." {
			out[rel], err = what(name, d)
		}
		return err
	})
}

func what(name string, d fs.DirEntry) (string, error) {
	switch {
	case d.IsDir():
		return "folder", nil
	case d.Type()&fs.ModeSymlink != 0:
		to, err := os.Readlink(name)
		return "link " + to, err
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	info, err := d.Info()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%x %o", sha256.Sum256(text), info.Mode().Perm()), nil
}
