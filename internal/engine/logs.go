package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"stackup.dev/stackup/internal/statedir"
)

// Logs copies the embedded engine's log to w, oldest line first. With follow
// it goes on until ctx ends, across rotations; the end of ctx is no error.
func Logs(ctx context.Context, d statedir.Dirs, w io.Writer, follow bool) error {
	if err := copyFile(w, rotated(d.EngineLog())); err != nil {
		return err
	}
	if !follow {
		return copyFile(w, d.EngineLog())
	}
	t := &tail{path: d.EngineLog()}
	defer t.close()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := t.copy(w); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func copyFile(w io.Writer, path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return errors.Join(err, f.Close())
}

// tail reads a file that grows and is now and then replaced.
type tail struct {
	path string
	f    *os.File
}

// copy writes what is new. A replaced file is read to its end first.
func (t *tail) copy(w io.Writer) error {
	now, err := os.Stat(t.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if t.f != nil {
		if _, err := io.Copy(w, t.f); err != nil {
			return err
		}
	}
	if now == nil || t.is(now) {
		return nil
	}
	t.close()
	f, err := os.Open(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	t.f = f
	_, err = io.Copy(w, f)
	return err
}

func (t *tail) is(now os.FileInfo) bool {
	if t.f == nil {
		return false
	}
	st, err := t.f.Stat()
	return err == nil && os.SameFile(st, now)
}

func (t *tail) close() {
	if t.f != nil {
		_ = t.f.Close() // only read from
		t.f = nil
	}
}

// lastLine is the last line that is not empty and begins at or after offset.
func lastLine(path string, offset int64) string {
	b, err := os.ReadFile(path) // bounded, see maxLog
	if err != nil {
		return ""
	}
	if offset < int64(len(b)) {
		b = b[offset:]
	}
	b = bytes.TrimSpace(b)
	return string(b[bytes.LastIndexByte(b, '\n')+1:])
}
