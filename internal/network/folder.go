package network

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// folder reads the records of one folder, each file only once: records are
// replaced whole, so that a file which is still the same has still the same
// content. It may be used from many goroutines.
type folder[T record] struct {
	mu   sync.Mutex
	seen map[string]sheet[T] // by file name
}

type sheet[T any] struct {
	file  fs.FileInfo
	value T
}

// all gives every record of the folder, by file name. One that goes away
// meanwhile is left out: readers take no lock. What is reachable from the
// values is shared, and not to be changed.
func (f *folder[T]) all(dir string) ([]T, error) {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := make(map[string]sheet[T], len(files))
	out := make([]T, 0, len(files))
	for _, entry := range files {
		if strings.HasPrefix(entry.Name(), ".") || filepath.Ext(entry.Name()) != suffix {
			continue // a file that is just being written
		}
		s, err := f.sheet(dir, entry)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		seen[entry.Name()] = s
		out = append(out, s.value)
	}
	f.seen = seen
	return out, nil
}

func (f *folder[T]) sheet(dir string, entry fs.DirEntry) (s sheet[T], err error) {
	if s.file, err = entry.Info(); err != nil {
		return s, err
	}
	old, ok := f.seen[entry.Name()]
	if ok && os.SameFile(old.file, s.file) && old.file.ModTime().Equal(s.file.ModTime()) {
		return old, nil
	}
	s.value, err = read[T](filepath.Join(dir, entry.Name()))
	return s, err
}
