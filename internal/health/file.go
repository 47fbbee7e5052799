package health

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/fsnotify/fsnotify"

	"stackup.dev/stackup/internal/fileevents"
	"stackup.dev/stackup/internal/statedir"
)

const (
	fileVersion = 1
	fileName    = "health.json"
	lookTime    = time.Second // safety net beside fsnotify
)

// WriteFile publishes a status for other processes, whole or not at all.
func WriteFile(dirs statedir.Dirs, id string, s Status) error {
	s.Version = fileVersion
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return statedir.WriteVolatile(path(dirs, id), append(b, '\n'), 0o600)
}

// ReadFile reads what WriteFile wrote. Without a file the error is
// os.ErrNotExist: nothing has been probed yet.
func ReadFile(dirs statedir.Dirs, id string) (Status, error) {
	var s Status
	b, err := os.ReadFile(path(dirs, id))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("read %s: %w", path(dirs, id), err)
	}
	if s.Version != fileVersion {
		return s, fmt.Errorf("%s has version %d, this program knows version %d", path(dirs, id), s.Version, fileVersion)
	}
	return s, nil
}

func path(dirs statedir.Dirs, id string) string {
	return filepath.Join(dirs.Container(id), fileName)
}

// Watch sends the status of a container, the present one first if there is
// one, and each new one. A slow reader misses all but the newest. The folder
// need not exist yet. The channel is closed when ctx ends.
func Watch(ctx context.Context, dirs statedir.Dirs, id string) <-chan Status {
	ch := make(chan Status, 1)
	go func() {
		defer close(ch)
		watch(ctx, dirs, id, ch)
	}()
	return ch
}

func watch(ctx context.Context, dirs statedir.Dirs, id string, ch chan Status) {
	var events chan fsnotify.Event // nil if there are none to have: then only the safety net
	w, err := fileevents.New()
	if err == nil {
		defer func() { _ = w.Close() }()
		events = w.Events
	}
	tick := time.NewTicker(lookTime)
	defer tick.Stop()
	var last Status
	for {
		if w != nil {
			addFirst(w, dirs.Container(id), filepath.Dir(dirs.Container(id)), dirs.State)
		}
		if s, err := ReadFile(dirs, id); err == nil && !reflect.DeepEqual(s, last) {
			last = s
			sendNewest(ch, s)
		}
		select {
		case <-ctx.Done():
			return
		case <-events:
		case <-tick.C:
		}
	}
}

// addFirst watches the first folder that exists; the others are its parents.
// Adding a folder again costs nothing.
func addFirst(w *fileevents.Watcher, folders ...string) {
	for _, f := range folders {
		if w.Add(f) == nil {
			return
		}
	}
}

// sendNewest replaces what was not read yet. There is one sender only.
func sendNewest(ch chan Status, s Status) {
	select {
	case <-ch:
	default:
	}
	ch <- s
}
