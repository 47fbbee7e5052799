package logs

import (
	"context"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// events wakes a following reader. A nil *events does nothing: it is what a
// reader that does not follow has.
type events struct {
	w       *fsnotify.Watcher // nil if the system has none left: then only polling
	watched map[string]bool
	errors  sync.WaitGroup // who takes the watcher's errors
}

func newEvents() *events {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		w = nil
	}
	e := &events{w: w, watched: map[string]bool{}}
	if w != nil {
		e.errors.Go(func() { dropErrors(w) })
	}
	return e
}

// dropErrors takes a watcher's errors until it is closed: polling makes up for what
// they tell of. An error that nobody takes keeps the watcher's lock, and Close waits
// for that for ever.
func dropErrors(w *fsnotify.Watcher) {
	for range w.Errors {
	}
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
		e.errors.Wait()
	}
}
