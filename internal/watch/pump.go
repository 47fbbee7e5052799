package watch

import (
	"context"

	"github.com/fsnotify/fsnotify"
)

// pumpMost is how many events wait at most; beyond it they are lost like those
// that the kernel could not keep.
const pumpMost = 200_000

// pump takes events out of fsnotify as they come: that holds its lock until an
// event or error is taken, and whoever handles one asks it to watch other folders. It
// ends after ctx when w is closed.
func pump(ctx context.Context, w *fsnotify.Watcher) (<-chan fsnotify.Event, <-chan error) {
	out, errs := make(chan fsnotify.Event), make(chan error)
	go func() {
		var events []fsnotify.Event
		var failures []error
		for {
			var to chan<- fsnotify.Event
			var toErr chan<- error
			var next fsnotify.Event
			var err error
			if len(events) > 0 {
				to, next = out, events[0]
			}
			if len(failures) > 0 {
				toErr, err = errs, failures[0]
			}
			select {
			case <-ctx.Done():
				for range w.Errors { // Close waits for the lock of who offers one
				}
				return
			case e := <-w.Events:
				if events = append(events, e); len(events) > pumpMost {
					events, failures = nil, append(failures, fsnotify.ErrEventOverflow)
				}
			case e := <-w.Errors:
				failures = append(failures, e)
			case to <- next:
				events = events[1:]
			case toErr <- err:
				failures = failures[1:]
			}
		}
	}()
	return out, errs
}
