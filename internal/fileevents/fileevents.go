// Package fileevents makes watchers of fsnotify that nothing can hang.
//
// fsnotify holds its lock while it offers an error, and Add, Remove and Close wait for
// that lock: a program that does one of these while nobody takes errors stands still.
// A watcher of this package always takes them.
package fileevents

import (
	"sync"

	"github.com/fsnotify/fsnotify"
)

// Watcher is an fsnotify.Watcher. Errors must not be read: Lost tells of them.
type Watcher struct {
	*fsnotify.Watcher

	lost  chan struct{}
	taker sync.WaitGroup
}

// New makes a watcher, which must be closed.
func New() (*Watcher, error) {
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	w := &Watcher{Watcher: fs, lost: make(chan struct{}, 1)}
	w.taker.Go(w.takeErrors)
	return w, nil
}

// takeErrors ends when fsnotify closes its channel.
func (w *Watcher) takeErrors() {
	for range w.Errors {
		select {
		case w.lost <- struct{}{}:
		default: // nobody has asked since the last one
		}
	}
}

// Lost receives a value after one or more errors: events may have been lost.
func (w *Watcher) Lost() <-chan struct{} { return w.lost }

// Close ends all watches, and returns when nothing of the watcher runs any more.
func (w *Watcher) Close() error {
	err := w.Watcher.Close()
	w.taker.Wait()
	return err
}
