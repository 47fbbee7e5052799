package watch

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/dev/unrest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, name, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, []byte(text), 0o644))
}

func filter(t testing.TB, root string, ignore ...string) *Filter {
	t.Helper()
	f, err := NewFilter(root, nil)
	must(t, err)
	must(t, f.LeaveOut(root, ignore))
	return f
}

// heard collects all batches of a watcher.
type heard struct {
	t     *testing.T
	w     *Watcher
	first map[string]bool // folders that are watched at first
	stop  func()          // ends the watching; what the watcher knows may be looked at then
}

func listen(t *testing.T, poll time.Duration, filters ...*Filter) *heard {
	t.Helper()
	w, err := New(filters, filepath.Dir(filters[0].root), poll)
	must(t, err)
	h := &heard{t: t, w: w, first: maps.Clone(w.dirs)}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		must(t, <-done)
	})
	t.Cleanup(h.stop)
	return h
}

// tells waits until all these names have been told, and fails for any other.
func (h *heard) tells(when string, names ...string) {
	h.t.Helper()
	var got []string
	for deadline := time.After(5 * time.Second); ; {
		wait := time.After(time.Hour)
		if len(missing(names, got)) == 0 {
			wait = time.After(150 * time.Millisecond) // for what should not come
		}
		select {
		case b := <-h.w.Batches():
			got = union(got, b.Paths)
		case <-wait:
			slices.Sort(names)
			if diff := cmp.Diff(names, got); diff != "" {
				h.t.Errorf("%s (-want +got):\n%s", when, diff)
			}
			return
		case <-deadline:
			h.t.Fatalf("%s: not told: %v; told: %v", when, missing(names, got), got)
		}
	}
}

func missing(names, got []string) (out []string) {
	for _, n := range names {
		if !slices.Contains(got, n) {
			out = append(out, n)
		}
	}
	return out
}

// TestSaves: each way of saving is told as a change of the file that was saved.
func TestSaves(t *testing.T) {
	dir := t.TempDir()
	file, other := filepath.Join(dir, "sub/page.html"), filepath.Join(dir, "sub/other")
	put(t, file, "one")
	put(t, other, "x")
	h, only := listen(t, 0, filter(t, dir)), listen(t, 0, filter(t, file))
	for _, s := range unrest.Saves(file) {
		must(t, s.Do())
		h.tells(s.How, file)
		only.tells(s.How+", of a file alone", file)
	}
}

// TestTrees: folders come and go whole, and so do roots.
func TestTrees(t *testing.T) {
	dir := t.TempDir()
	in := func(names ...string) (out []string) {
		for _, n := range names {
			out = append(out, filepath.Join(dir, n))
		}
		return out
	}
	root, away := filepath.Join(dir, "root"), filepath.Join(dir, "away")
	put(t, filepath.Join(root, "a/b/f"), "f")
	put(t, filepath.Join(root, "skip/x/y"), "no")
	put(t, filepath.Join(away, "in/deep/g"), "g")
	h := listen(t, 0, filter(t, root, "skip"))
	if h.first[filepath.Join(root, "skip")] {
		t.Error("an ignored folder is watched")
	}
	must(t, os.MkdirAll(filepath.Join(root, "n/m"), 0o755))
	put(t, filepath.Join(root, "n/m/o"), "o")
	h.tells("new folders", in("root/n", "root/n/m", "root/n/m/o")...)
	must(t, os.Rename(filepath.Join(away, "in"), filepath.Join(root, "in")))
	h.tells("moved in", in("root/in", "root/in/deep", "root/in/deep/g")...)
	must(t, os.Rename(filepath.Join(root, "in"), filepath.Join(root, "moved")))
	h.tells("moved within", in("root/in", "root/in/deep", "root/in/deep/g", "root/moved", "root/moved/deep", "root/moved/deep/g")...)
	put(t, filepath.Join(root, "moved/deep/g"), "h")
	h.tells("a change where it is now", in("root/moved/deep/g")...)
	must(t, os.Rename(filepath.Join(root, "moved"), filepath.Join(away, "out")))
	h.tells("moved out", in("root/moved", "root/moved/deep", "root/moved/deep/g")...)
	put(t, filepath.Join(away, "out/deep/g"), "nobody's")
	put(t, filepath.Join(root, "skip/x/y"), "no")
	h.tells("of nobody")
	must(t, os.MkdirAll(filepath.Join(root, "x/old"), 0o755))
	h.tells("a folder", in("root/x", "root/x/old")...)
	must(t, os.Rename(filepath.Join(root, "x"), filepath.Join(away, "x")))
	must(t, os.MkdirAll(filepath.Join(root, "x/new"), 0o755))
	h.tells("another takes its place", in("root/x", "root/x/old", "root/x/new")...)
	must(t, os.RemoveAll(filepath.Join(root, "x")))
	h.tells("and goes", in("root/x", "root/x/new")...)
	must(t, os.RemoveAll(root))
	h.tells("the root goes", in("root", "root/a", "root/a/b", "root/a/b/f", "root/n", "root/n/m", "root/n/m/o")...)
	put(t, filepath.Join(root, "back"), "b")
	h.tells("and comes back", in("root", "root/back")...)
	put(t, filepath.Join(root, "back"), "c")
	h.tells("and is watched", in("root/back")...)
	h.stop()
	if n := len(h.w.dirs); n != 2 {
		t.Errorf("%d folders are watched, want the root and the one above: %v", n, h.w.dirs)
	}
}

// TestLinks: a folder that a link leads to is watched once, by its own path if it has one.
func TestLinks(t *testing.T) {
	dir := t.TempDir()
	root, out := filepath.Join(dir, "root"), filepath.Join(dir, "out")
	put(t, filepath.Join(root, "real/f"), "f")
	put(t, filepath.Join(out, "g"), "g")
	must(t, os.Symlink("real", filepath.Join(root, "alias")))
	must(t, os.Symlink("..", filepath.Join(root, "real/loop")))
	must(t, os.Symlink(out, filepath.Join(root, "far")))
	must(t, os.Symlink("/", filepath.Join(root, "everything")))
	h := listen(t, 0, filter(t, root))
	put(t, filepath.Join(root, "alias/f"), "changed")
	h.tells("over the alias", filepath.Join(root, "real/f"))
	put(t, filepath.Join(out, "g"), "changed")
	h.tells("far away", filepath.Join(root, "far/g"))
	if len(h.first) > 10 {
		t.Errorf("%d folders are watched", len(h.first))
	}
}

// TestRootsFromNothing: a root whose folders are not there yet.
func TestRootsFromNothing(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "a/b/c")
	h := listen(t, 0, filter(t, root))
	put(t, filepath.Join(root, "f"), "f")
	h.tells("it comes", root, filepath.Join(root, "f"))
}

// digest sums up a tree.
func digest(t *testing.T, dir string) map[string]string {
	t.Helper()
	out, err := unrest.Contents(dir)
	must(t, err)
	return out
}

// follow makes to what from is, at the names that were told alone.
func follow(t *testing.T, from, to string, b Batch) {
	t.Helper()
	for _, name := range b.Paths {
		rel, _ := filepath.Rel(from, name)
		dst := filepath.Join(to, rel)
		info, err := os.Lstat(name)
		if err != nil || b.Gone[name] {
			_ = os.RemoveAll(dst)
			continue
		}
		if old, err := os.Lstat(dst); err == nil && (old.IsDir() != info.IsDir() || old.Mode()&fs.ModeSymlink != 0 || info.Mode()&fs.ModeSymlink != 0) {
			must(t, os.RemoveAll(dst))
		}
		switch {
		case info.IsDir():
			_ = os.MkdirAll(dst, 0o755)
		case info.Mode()&fs.ModeSymlink != 0:
			link, err := os.Readlink(name)
			must(t, err)
			_ = os.Symlink(link, dst)
		default:
			b, _ := os.ReadFile(name)
			_ = os.WriteFile(dst, b, 0o600)
			_ = os.Chmod(dst, info.Mode().Perm())
		}
	}
}

// TestRandomOperations: after any number of operations, whoever has followed
// what was told has the same tree: by events, by events of which some were lost,
// and by polling.
func TestRandomOperations(t *testing.T) {
	for name, how := range map[string]struct {
		poll     time.Duration
		overflow bool
		n        int
	}{"events": {n: 10000}, "with lost events": {overflow: true, n: 3000}, "polling": {poll: 50 * time.Millisecond, n: 2000}} {
		t.Run(name, func(t *testing.T) {
			from, to := t.TempDir(), t.TempDir()
			h := listen(t, how.poll, filter(t, from))
			rnd := rand.New(rand.NewPCG(7, uint64(how.n)))
			for i := range how.n {
				unrest.Operate(rnd, from)
				if how.overflow && i%500 == 0 {
					loseEvents(h.w)
				}
				if i%400 == 0 {
					time.Sleep(time.Duration(rnd.IntN(30)) * time.Millisecond)
					h.take(from, to, 0)
				}
			}
			if how.overflow {
				h.w.fs.Errors <- fsnotify.ErrEventOverflow
			}
			diff := "never compared"
			for end := time.Now().Add(10 * time.Second); diff != "" && time.Now().Before(end); {
				h.take(from, to, 200*time.Millisecond)
				diff = cmp.Diff(digest(t, from), digest(t, to))
			}
			if diff != "" {
				t.Errorf("-from +to:\n%s", diff)
			}
		})
	}
}

// loseEvents takes some events that nobody else will see.
func loseEvents(w *Watcher) {
	for range 20 {
		select {
		case <-w.fs.Events:
		default:
			return
		}
	}
}

// take follows what is told until nothing has been for a while.
func (h *heard) take(from, to string, quiet time.Duration) {
	for {
		select {
		case b := <-h.w.Batches():
			follow(h.t, from, to, b)
		case <-time.After(quiet):
			return
		}
	}
}

// BenchmarkStart watches a tree of 50,000 files of which 90 % are left out.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	for i := range 500 {
		for j := range 90 {
			put(b, filepath.Join(dir, fmt.Sprintf("node_modules/m%d/f%d", i, j)), "x")
		}
		for j := range 10 {
			put(b, filepath.Join(dir, fmt.Sprintf("src/d%d/f%d", i%50, i*10+j)), "x")
		}
	}
	f := filter(b, dir, "node_modules", "*.log", "**/dist", ".cache")
	for b.Loop() {
		w, err := New([]*Filter{f}, dir, 0)
		must(b, err)
		must(b, w.Close())
	}
}
