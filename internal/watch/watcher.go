package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"
)

// Watcher tells what changes of what its filters want. Its methods but Batches
// are for one goroutine.
type Watcher struct {
	filters []*Filter
	within  string            // links that lead out of it are not followed
	fs      *fsnotify.Watcher // nil: polling
	poll    time.Duration
	dirs    map[string]bool  // that are watched
	inodes  map[inode]string // of folders that are watched: each is once
	known   map[string]stamp // what is there of what is wanted, by the last batch
	out     chan Batch
}

// eventsKept is how many events wait for this process beside the kernel's queue.
const eventsKept = 4096

// New watches what the filters want; none of it need be there yet. Links to
// folders are followed within a folder, and nowhere else. poll, if not
// 0, is how often all is looked at, for file systems that tell of no changes
// (network and FUSE). The error says which limit of the system was met, and how
// to raise it. Run must be called, or Close.
func New(filters []*Filter, within string, poll time.Duration) (*Watcher, error) {
	w := &Watcher{
		filters: filters, within: actual(within), poll: poll, dirs: map[string]bool{}, inodes: map[inode]string{}, known: map[string]stamp{},
		out: make(chan Batch),
	}
	if poll == 0 {
		var err error
		if w.fs, err = fsnotify.NewBufferedWatcher(eventsKept); err != nil {
			return nil, limit(err, 0)
		}
	}
	for _, f := range filters {
		names, err := w.arrive(f)
		if err != nil {
			return nil, errors.Join(err, w.Close())
		}
		for _, n := range names {
			w.note(n)
		}
	}
	return w, nil
}

// Close gives all watches back. After Run it does nothing.
func (w *Watcher) Close() error {
	if w.fs == nil {
		return nil
	}
	return w.fs.Close()
}

// Batches gives what has changed. It is never closed.
func (w *Watcher) Batches() <-chan Batch { return w.out }

// Run watches until ctx ends, or the system lets it watch no more.
func (w *Watcher) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, w.Close()) }()
	in, failed := make(chan []string), make(chan error, 1)
	ask := make(chan settling)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go batches(ctx, in, func(names map[string]bool) Batch { return settleBy(ctx, ask, names) }, w.out)
	go func() { failed <- w.listen(ctx, in, ask) }()
	err = <-failed
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// settling asks the goroutine that knows the tree what of some names has changed.
type settling struct {
	names map[string]bool
	reply chan Batch
}

func settleBy(ctx context.Context, ask chan<- settling, names map[string]bool) Batch {
	s := settling{names, make(chan Batch, 1)}
	select {
	case ask <- s:
		return <-s.reply
	case <-ctx.Done():
		return Batch{}
	}
}

// listen turns events into names, and answers what has become of them. What it
// has heard waits here while batches asks.
func (w *Watcher) listen(ctx context.Context, in chan<- []string, ask <-chan settling) error {
	var names []string
	var events <-chan fsnotify.Event
	var errs <-chan error
	var tick <-chan time.Time
	if w.fs != nil {
		events, errs = pump(ctx, w.fs)
	} else {
		t := time.NewTicker(w.poll)
		defer t.Stop()
		tick = t.C
	}
	for {
		var to chan<- []string
		if len(names) > 0 {
			to = in
		}
		var more []string
		var err error
		select {
		case <-ctx.Done():
			return nil
		case e := <-events:
			more, err = w.event(e)
		case ferr := <-errs:
			more, err = w.trouble(ferr)
		case <-tick:
			more, err = w.rescan()
		case s := <-ask:
			s.reply <- w.settle(s.names)
		case to <- names:
			names = nil
		}
		if err != nil {
			return err
		}
		names = append(names, more...)
	}
}

// event gives the names that an event may have changed, and keeps watching what
// there is then.
func (w *Watcher) event(e fsnotify.Event) (names []string, err error) {
	name := filepath.Clean(e.Name)
	moved := e.Has(fsnotify.Create | fsnotify.Remove | fsnotify.Rename)
	if moved {
		w.drop(name)
	}
	if w.wanted(name) {
		names = append(names, name)
	}
	if e.Has(fsnotify.Create) && w.walked(name) {
		more, err := w.add(name)
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
	}
	for _, f := range w.filters {
		if _, above := below(name, f.root); above && moved {
			more, err := w.arrive(f)
			if err != nil {
				return nil, err
			}
			names = append(append(names, more...), f.root)
		}
	}
	return names, nil
}

// trouble looks at everything if events were lost. That a watch was gone before
// it could be given back is none.
func (w *Watcher) trouble(err error) ([]string, error) {
	switch {
	case errors.Is(err, fsnotify.ErrEventOverflow):
		return w.rescan()
	case errors.Is(err, unix.EINVAL), errors.Is(err, fs.ErrNotExist):
		return nil, nil
	}
	return nil, fmt.Errorf("watch: %w", err)
}

// wanted says whether some filter wants a path.
func (w *Watcher) wanted(name string) bool {
	return slices.ContainsFunc(w.filters, func(f *Filter) bool { return f.Has(name) })
}

// walked says whether something wanted may lie in a folder.
func (w *Watcher) walked(dir string) bool {
	return slices.ContainsFunc(w.filters, func(f *Filter) bool {
		_, inside := below(f.root, dir)
		return inside && !f.Prunes(dir)
	})
}

// arrive watches a filter's root, and the folder above, or the nearest one that
// is there: so it is seen how the root goes and comes back. names are all that
// it has in it.
func (w *Watcher) arrive(f *Filter) (names []string, err error) {
	for dir := filepath.Dir(f.root); ; dir = filepath.Dir(dir) {
		if ok, err := w.watch(dir, false); err != nil {
			return nil, err
		} else if ok || dir == "/" {
			break
		}
	}
	if _, err := os.Lstat(f.root); err != nil {
		return nil, nil // it may come
	}
	if w.wanted(f.root) {
		names = append(names, f.root)
	}
	more, err := w.add(f.root)
	return append(names, more...), err
}
