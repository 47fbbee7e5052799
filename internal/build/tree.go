package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/statedir"
)

// tree is a folder that a build reads.
type tree struct{ dir, cache string }

// entry is one file of it, with a path relative to it.
type entry struct {
	path string
	mode fs.FileMode
	stat *unix.Stat_t
}

// sum is the digest of all names, kinds, permissions and contents. Nothing is
// read if no file's inode has changed since the last time.
func (t tree) sum(ctx context.Context, ignore []string) (string, error) {
	begun := time.Now()
	dir, err := filepath.EvalSymlinks(t.dir) // as BuildKit does
	if err != nil {
		return "", err
	}
	t.dir = dir
	entries, err := t.entries(ctx, ignore)
	if err != nil {
		return "", err
	}
	outside := t.outside(entries)
	note := filepath.Join(t.cache, short([]byte(t.dir)))
	if known, err := os.ReadFile(note); err == nil {
		if was, content, ok := strings.Cut(string(known), " "); ok && was == outside {
			return content, nil
		}
	}
	content, err := t.content(ctx, entries)
	if err != nil {
		return "", err
	}
	if settled(entries, begun) {
		_ = statedir.WriteVolatile(note, []byte(outside+" "+content), 0o600) // lost, it is worked out again
	}
	return content, nil
}

// entries lists what is not ignored, in lexical order.
func (t tree) entries(ctx context.Context, ignore []string) ([]entry, error) {
	pm, err := t.matcher(ignore)
	if err != nil {
		return nil, err
	}
	var out []entry
	parents := map[string]patternmatcher.MatchInfo{}
	err = filepath.WalkDir(t.dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != t.dir {
			return nil // gone since its folder was read
		}
		if err != nil || ctx.Err() != nil || path == t.dir {
			return errors.Join(err, ctx.Err())
		}
		rel, err := filepath.Rel(t.dir, path)
		if err != nil {
			return err
		}
		ignored, info, err := pm.MatchesUsingParentResults(rel, parents[filepath.Dir(rel)])
		if err != nil {
			return err
		}
		if d.IsDir() {
			parents[rel] = info
		}
		if ignored && d.IsDir() && !pm.Exclusions() {
			return filepath.SkipDir
		}
		if ignored {
			return nil
		}
		e := entry{path: rel, mode: d.Type(), stat: &unix.Stat_t{}}
		if err := unix.Lstat(path, e.stat); errors.Is(err, unix.ENOENT) {
			return nil
		} else if err != nil {
			return &fs.PathError{Op: "lstat", Path: path, Err: err}
		}
		out = append(out, e)
		return nil
	})
	return out, err
}

func (t tree) matcher(ignore []string) (*patternmatcher.PatternMatcher, error) {
	list, err := patterns(t.dir, ignore)
	if err != nil {
		return nil, err
	}
	return patternmatcher.New(list)
}

// inFolder is a path that is meant from a folder, unless it is absolute.
func inFolder(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// patterns reads the first of the ignore files that is there.
func patterns(dir string, ignore []string) ([]string, error) {
	for _, name := range ignore {
		name = inFolder(dir, name)
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list, err := ignorefile.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return list, nil
	}
	return nil, nil
}

// outside sums up what inodes say, which changes with every write.
func (t tree) outside(entries []entry) string {
	h := sha256.New()
	for _, e := range entries {
		s := e.stat
		_, _ = fmt.Fprintf(h, "%q %o %d %d %d %d.%d %d.%d\n", e.path, s.Mode, s.Size, s.Ino, s.Dev, s.Mtim.Sec, s.Mtim.Nsec, s.Ctim.Sec, s.Ctim.Nsec)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (t tree) content(ctx context.Context, entries []entry) (string, error) {
	h := sha256.New()
	for _, e := range entries {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if _, err := os.Lstat(filepath.Join(t.dir, e.path)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		size := e.stat.Size
		if !e.mode.IsRegular() {
			size = 0
		}
		_, _ = fmt.Fprintf(h, "%q %o %d\n", e.path, e.stat.Mode, size)
		if err := t.one(h, e); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (t tree) one(h hash.Hash, e entry) error {
	path := filepath.Join(t.dir, e.path)
	switch {
	case e.mode&fs.ModeSymlink != 0:
		to, err := os.Readlink(path)
		_, _ = io.WriteString(h, to+"\n")
		return err
	case e.mode.IsRegular():
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		_, err = io.Copy(h, f)
		return errors.Join(err, f.Close())
	}
	return nil
}
