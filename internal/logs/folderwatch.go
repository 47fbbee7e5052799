package logs

import (
	"errors"
	"log/slog"
	"os"

	"github.com/fsnotify/fsnotify"

	"stackup.dev/stackup/internal/fileevents"
)

// folderWatch sends the events of a folder. If the system has no watch left,
// it sends none, and the regular scans have to do.
type folderWatch struct {
	dir string
	w   *fileevents.Watcher // nil: no events
}

func newFolderWatch(dir string, log *slog.Logger) *folderWatch {
	w, err := fileevents.New()
	if err != nil {
		log.Warn("no file events, looking every second instead", "err", err)
		return &folderWatch{dir: dir}
	}
	return &folderWatch{dir: dir, w: w}
}

// renew watches the folder that is there now: the last container takes it
// away, and the next one makes another of the same name. It says whether there
// is one; until then nothing tells of the next. A folder that came after the
// watch had found none counts as none: nothing tells of its changes yet.
func (f *folderWatch) renew() (there bool) {
	if f.w != nil {
		err := f.w.Add(f.dir) // what is watched already is left as it is
		if err == nil || errors.Is(err, os.ErrNotExist) {
			return err == nil
		}
	}
	_, err := os.Stat(f.dir)
	return err == nil
}

func (f *folderWatch) events() <-chan fsnotify.Event {
	if f.w == nil {
		return nil
	}
	return f.w.Events
}

func (f *folderWatch) close() {
	if f.w != nil {
		_ = f.w.Close()
	}
}
