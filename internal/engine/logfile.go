package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/statedir"
)

// maxLog is how big, in bytes, engine.log grows before it becomes engine.log.1.
const maxLog = 5 << 20

// LogFile is the engine's bounded log: never more than two files of 5 MB.
// It is safe for use by many goroutines.
type LogFile struct {
	path string
	max  int64

	mu   sync.Mutex
	f    *os.File
	size int64
}

// OpenLog opens d.EngineLog() for appending, and moves it aside first if it is
// full already.
func OpenLog(d statedir.Dirs) (*LogFile, error) {
	return openLog(d.EngineLog(), maxLog)
}

func openLog(path string, limit int64) (*LogFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	l := &LogFile{path: path, max: limit}
	if err := l.open(); err != nil {
		return nil, err
	}
	if l.size >= limit {
		if err := l.rotate(); err != nil {
			return nil, errors.Join(err, l.f.Close())
		}
	}
	return l, nil
}

// Write appends p. A log that cannot be rotated grows on instead of failing:
// the engine must not stop for its log.
func (l *LogFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size > 0 && l.size+int64(len(p)) > l.max {
		_ = l.rotate()
	}
	n, err := l.f.Write(p)
	l.size += int64(n)
	return n, err
}

// Close closes the file.
func (l *LogFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}

func (l *LogFile) open() error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.f, l.size = f, st.Size()
	return nil
}

func (l *LogFile) rotate() error {
	if err := os.Rename(l.path, rotated(l.path)); err != nil {
		return err
	}
	old := l.f
	if err := l.open(); err != nil {
		return err
	}
	return errors.Join(takeOver(old, l.f), old.Close())
}

func rotated(path string) string { return path + ".1" }

// takeOver points standard output and error to the new file if they were the
// old one, as they are in a detached engine: a panic must be found in the log.
func takeOver(old, now *os.File) error {
	was, err := old.Stat()
	if err != nil {
		return err
	}
	for _, std := range []*os.File{os.Stdout, os.Stderr} {
		st, err := std.Stat()
		if errors.Is(err, fs.ErrClosed) || err == nil && !os.SameFile(st, was) {
			continue
		}
		if err != nil {
			return err
		}
		if err := unix.Dup3(int(now.Fd()), int(std.Fd()), 0); err != nil {
			return err
		}
	}
	return nil
}
