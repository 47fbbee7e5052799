package watch

import (
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// stamp tells states of a file apart.
type stamp struct {
	size         int64
	mtime, ctime unix.Timespec
	ino          uint64
	mode         uint32
}

// stampOf is of what is there now; ok is false if nothing is.
func stampOf(name string) (s stamp, ok bool) {
	var st unix.Stat_t
	if unix.Lstat(name, &st) != nil {
		return s, false
	}
	return stamp{st.Size, st.Mtim, st.Ctim, st.Ino, st.Mode}, true
}

// note takes a path as known as it is.
func (w *Watcher) note(name string) {
	if s, ok := stampOf(name); ok {
		w.known[name] = s
	}
}

// settle says what of some names has changed by now: what is there, and what
// was and has gone, with all that was in it. What came and went meanwhile, as
// the files beside a save do, is nobody's business.
func (w *Watcher) settle(names map[string]bool) Batch {
	out, there := Batch{Gone: map[string]bool{}}, map[string]bool{}
	for name := range names {
		if s, ok := stampOf(name); ok {
			w.known[name] = s
			there[name] = true
			out.Paths = append(out.Paths, name)
			continue
		}
		out.lose(w.forget(name))
	}
	out.lose(w.exchanged(there))
	slices.Sort(out.Paths)
	out.Paths = slices.Compact(out.Paths)
	return out
}

func (b *Batch) lose(names []string) {
	b.Paths = append(b.Paths, names...)
	for _, n := range names {
		b.Gone[n] = true
	}
}

// exchanged gives what was in folders and is not in those that have their names
// now: what goes with the folder that it is in says nothing of its own.
func (w *Watcher) exchanged(there map[string]bool) (out []string) {
	for name := range w.known {
		for dir := filepath.Dir(name); dir != "/"; dir = filepath.Dir(dir) {
			if !there[dir] {
				continue
			}
			if _, ok := stampOf(name); !ok {
				out = append(out, name)
				delete(w.known, name)
			}
			break
		}
	}
	return out
}

// forget gives all that was known at a path and in it.
func (w *Watcher) forget(name string) (out []string) {
	if s, had := w.known[name]; had && s.mode&unix.S_IFMT != unix.S_IFDIR {
		delete(w.known, name)
		return []string{name}
	}
	for k := range w.known {
		if _, in := below(name, k); in {
			out = append(out, k)
			delete(w.known, k)
		}
	}
	return out
}

// rescan looks at everything: after events were lost, or by the clock.
func (w *Watcher) rescan() (names []string, err error) {
	seen := map[string]bool{}
	for _, f := range w.filters {
		list, err := w.again(f)
		if err != nil {
			return nil, err
		}
		for _, name := range list {
			seen[name] = true
		}
	}
	for name := range seen {
		s, ok := stampOf(name)
		if old, had := w.known[name]; !ok || !had || old != s {
			names = append(names, name)
		}
	}
	for name := range w.known {
		if !seen[name] {
			names = append(names, name)
		}
	}
	return names, nil
}

// again watches anew what there is of a filter, and gives its names. Folders
// that have come without a word are among them.
func (w *Watcher) again(f *Filter) ([]string, error) {
	for dir := range w.dirs {
		if _, in := below(f.root, dir); in && !isFolder(dir) {
			w.drop(dir)
		}
	}
	return w.arrive(f)
}

func isFolder(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}

// Known gives what there was of a filter at the last batch, sorted. It must not
// be called once Run has been.
func (w *Watcher) Known(f *Filter) (out []string) {
	for name := range w.known {
		if f.Has(name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
