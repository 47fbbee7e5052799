package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// inode tells folders apart, by whatever path they are found.
type inode struct{ dev, ino uint64 }

// add watches a folder and those in it, as far as they are wanted, and gives the
// names of all wanted that is in them. What is no folder, or has gone, or may
// not be read, adds nothing. Links to folders are followed at the end, to those
// that are watched by no path of their own.
func (w *Watcher) add(dir string) (names []string, err error) {
	k := walk{w: w}
	if err := k.folder(dir, isLink(dir)); err != nil {
		return nil, err
	}
	for len(k.links) > 0 {
		link := k.links[0]
		k.links = k.links[1:]
		if _, ok := below(w.within, actual(link)); !ok {
			continue
		}
		if err := k.folder(link, true); err != nil {
			return nil, err
		}
	}
	return k.names, nil
}

// walk is an add under way.
type walk struct {
	w     *Watcher
	names []string
	links []string // to be followed
}

func (k *walk) folder(dir string, link bool) error {
	ok, err := k.w.watch(dir, link)
	if !ok || err != nil {
		return err
	}
	list, err := os.ReadDir(dir) // after the watch: what comes now is told, or is in the list
	if err != nil {
		return nil
	}
	for _, e := range list {
		name := filepath.Join(dir, e.Name())
		if k.w.wanted(name) {
			k.names = append(k.names, name)
		}
		switch {
		case e.IsDir() && k.w.walked(name):
			if err := k.folder(name, link); err != nil {
				return err
			}
		case e.Type()&fs.ModeSymlink != 0 && k.w.walked(name):
			k.links = append(k.links, name)
		}
	}
	return nil
}

// actual is a path without links; itself if it leads nowhere.
func actual(name string) string {
	if to, err := filepath.EvalSymlinks(name); err == nil {
		return to
	}
	return name
}

func isLink(name string) bool {
	info, err := os.Lstat(name)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// watch watches one folder. ok says that it is one, may be read, and is not
// watched by another path: one that leads over a link gives way.
func (w *Watcher) watch(dir string, link bool) (ok bool, err error) {
	var st unix.Stat_t
	if unix.Stat(dir, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return false, nil
	}
	id := inode{st.Dev, st.Ino}
	if at, known := w.inodes[id]; known && at != dir && w.dirs[at] && still(at, id) {
		if link {
			return false, nil
		}
		w.drop(at)
	}
	if w.fs != nil {
		err := w.fs.Add(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, unix.ENOTDIR):
			return false, nil
		case err != nil:
			return false, limit(err, len(w.dirs))
		}
	}
	w.dirs[dir], w.inodes[id] = true, dir
	return true, nil
}

// still says whether a path leads to that folder.
func still(name string, id inode) bool {
	var st unix.Stat_t
	return unix.Stat(name, &st) == nil && inode{st.Dev, st.Ino} == id
}

// drop gives back the watches of a folder that has gone from its path, and of
// those in it: the kernel watches folders, not paths.
func (w *Watcher) drop(name string) {
	if !w.dirs[name] {
		return
	}
	gone := map[string]bool{}
	for dir := range w.dirs {
		if _, in := below(name, dir); in {
			gone[dir] = true
		}
	}
	for dir := range gone {
		delete(w.dirs, dir)
		if w.fs != nil {
			_ = w.fs.Remove(dir) // the kernel may have been first
		}
	}
	maps.DeleteFunc(w.inodes, func(_ inode, at string) bool { return gone[at] })
}

// limit says what to do about a limit of the system.
func limit(err error, watched int) error {
	const number = "/proc/sys/fs/inotify/"
	read := func(name string) string {
		b, _ := os.ReadFile(number + name) // without it the text is still right
		return strings.TrimSpace(string(b))
	}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("the system lets a user watch %s folders (%d of them here): raise that, as by `sysctl fs.inotify.max_user_watches=524288`, leave folders out by ignore, or use --poll",
			read("max_user_watches"), watched)
	case errors.Is(err, syscall.EMFILE):
		return fmt.Errorf("the system lets a user have %s watchers: raise that, as by `sysctl fs.inotify.max_user_instances=1024`, or use --poll", read("max_user_instances"))
	}
	return err
}

// union of two sorted lists.
func union(a, b []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}
