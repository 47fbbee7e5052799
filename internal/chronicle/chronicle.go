// Package chronicle keeps the record of what has happened in one world, and reads
// it: the only place where the past is known, and where the present is told.
//
// Law: whoever does a thing notes it, commands and the supervisor alike, one
// record per write. What happened is never undone because it cannot be noted, and
// no writer waits for another.
package chronicle

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// The types of things that something happens to.
const (
	Container = "container"
	Image     = "image"
	Network   = "network"
	Volume    = "volume"
	Plan      = "plan"
)

// Die is the action of a container whose process has ended. Several may note one
// end, each with its time; readers tell it once.
const Die = "die"

// Entry is one thing that happened, in docker's words. Its form in the file is
// that of docker compose's events, and the stack.
type Entry struct {
	Time       time.Time         `json:"time"`
	Type       string            `json:"type"`
	Stack      string            `json:"stack,omitempty"` // empty: of no stack alone, as images
	Service    string            `json:"service"`
	ID         string            `json:"id"`
	Action     string            `json:"action"`
	Attributes map[string]string `json:"attributes"`
}

// maxSize is how large the file becomes before it makes room for a new one, in
// bytes. The one before is kept.
const maxSize = 1 << 20

// Book is the record at a path. Its folder is made as needed.
type Book struct{ Path string }

func (b Book) older() string { return b.Path + ".1" }

// Note appends an entry. A writer that is killed, or a full disk, leaves at most
// half a line, which an empty one sets apart from the next.
func (b Book) Note(e Entry) error {
	e.Time = e.Time.UTC()
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	f, err := b.open()
	if err != nil {
		return err
	}
	_, err = f.Write(bytes.Join([][]byte{nil, line, nil}, []byte{'\n'}))
	return errors.Join(err, b.turn(f), f.Close())
}

func (b Book) open() (*os.File, error) {
	const how = os.O_WRONLY | os.O_APPEND | os.O_CREATE | unix.O_NOFOLLOW
	f, err := os.OpenFile(b.Path, how, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(b.Path), 0o700); err == nil {
			f, err = os.OpenFile(b.Path, how, 0o600)
		}
	}
	return f, err
}

// turn begins a new file if this one is full. One of all writers does so: he who
// has the lock of the very file that is still in its place. The others go on.
func (b Book) turn(f *os.File) error {
	st, err := f.Stat()
	if err != nil || st.Size() < maxSize {
		return err
	}
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return nil
	}
	now, err := os.Stat(b.Path)
	if err != nil || !os.SameFile(st, now) {
		return nil //nolint:nilerr // another one has turned the page
	}
	return os.Rename(b.Path, b.older())
}
