package logs

import (
	"context"
	"time"

	"github.com/fsnotify/fsnotify"

	"stackup.dev/stackup/internal/fileevents"
)

// events wakes a following reader. A nil *events does nothing: it is what a
// reader that does not follow has.
type events struct {
	w       *fileevents.Watcher // nil if the system has none left: then only polling
	watched map[string]bool
}

func newEvents() *events {
	w, err := fileevents.New()
	if err != nil {
		w = nil
	}
	return &events{w: w, watched: map[string]bool{}}
}

// watch asks for events of dir; it may be repeated, and is needed again once
// a folder that was missing is there.
func (e *events) watch(dir string) {
	if e == nil || e.w == nil || e.watched[dir] {
		return
	}
	e.watched[dir] = e.w.Add(dir) == nil
}

// wait returns when something may have changed, and after a while anyway.
func (e *events) wait(ctx context.Context) {
	if e == nil {
		return
	}
	t := time.NewTimer(pollTime)
	defer t.Stop()
	var ch chan fsnotify.Event
	if e.w != nil {
		ch = e.w.Events
	}
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-ch:
		e.drain()
	}
}

// drain throws away the further events of a burst: one look serves them all.
func (e *events) drain() {
	for {
		select {
		case <-e.w.Events:
		default:
			return
		}
	}
}

func (e *events) close() {
	if e != nil && e.w != nil {
		_ = e.w.Close()
	}
}
