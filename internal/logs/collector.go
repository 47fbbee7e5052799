package logs

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"stackup.dev/stackup/internal/statedir"
)

const (
	scanTime    = time.Second           // default of Collector.Look
	soonTime    = 20 * time.Millisecond // while a folder is being prepared
	stockedKits = 2
)

// ErrIdle says that there was nothing to collect for the idle time.
var ErrIdle = errors.New("no container to log for")

// Collector drains every container of one world. Only one may run at a time.
type Collector struct {
	Dirs statedir.Dirs
	Idle time.Duration // how long without folders before Run returns ErrIdle; 0: for ever
	Look time.Duration // between two looks at the folder while nothing tells of a change; 0: a second
	Log  *slog.Logger

	kits    *kits
	open    map[string]*collected
	closing sync.WaitGroup
}

// Run collects until ctx ends (then it returns nil) or until it was idle for
// long enough. Whatever it took from a container is in the log when it returns.
func (c *Collector) Run(ctx context.Context) error {
	c.kits, c.open = newKits(stockedKits), map[string]*collected{}
	defer c.closing.Wait()
	defer c.closeAll()
	if err := statedir.MkdirAll(c.Dirs.IO(), 0o700); err != nil {
		return err
	}
	watch := newFolderWatch(c.Dirs.IO(), c.Log)
	defer watch.close()
	lastSeen := time.Now()
	for ctx.Err() == nil {
		there := watch.renew()
		folders, unready := c.scan(ctx)
		if folders > 0 {
			lastSeen = time.Now()
		} else if c.Idle > 0 && time.Since(lastSeen) >= c.Idle {
			return ErrIdle
		}
		c.waitForNext(ctx, watch.events(), unready || !there)
	}
	return nil
}

// waitForNext returns at the next change of the folder, or when it is time to
// look without one.
func (c *Collector) waitForNext(ctx context.Context, events <-chan fsnotify.Event, unready bool) {
	wait := cmp.Or(c.Look, scanTime)
	if c.Idle > 0 {
		wait = min(wait, c.Idle)
	}
	if unready {
		wait = soonTime
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-events:
	case <-t.C:
		if !unready && c.kits.shrink() {
			debug.FreeOSMemory()
		}
	}
}

// scan opens what is new and closes what is gone. unready says that a folder
// is just being made.
func (c *Collector) scan(ctx context.Context) (folders int, unready bool) {
	ids, err := Folders(c.Dirs)
	if err != nil {
		c.Log.Error("look for containers", "err", err)
		return len(c.open), false
	}
	seen := map[string]bool{}
	for _, id := range ids {
		seen[id] = true
		unready = c.look(ctx, id) || unready
	}
	for id, have := range c.open {
		if !seen[id] {
			c.close(id, have, true)
		}
	}
	return len(ids), unready
}

// look sees to it that one folder is collected as its file asks.
func (c *Collector) look(ctx context.Context, id string) (unready bool) {
	folder := filepath.Join(c.Dirs.IO(), id)
	have := c.open[id]
	if have != nil && !have.same(folder) {
		c.close(id, have, true)
		have = nil
	}
	st, err := os.Stat(filepath.Join(folder, ioFileName))
	if err != nil {
		return have == nil
	}
	if have != nil && st.ModTime().Equal(have.changed) {
		return false
	}
	f, err := readIOFile(folder)
	if err != nil {
		c.Log.Error("read the log settings of a container", "id", id, "err", err)
		return false
	}
	if have != nil {
		have.changed = st.ModTime()
		have.w.SetConfig(f.config())
		return false
	}
	fresh, err := collect(context.WithoutCancel(ctx), folder, f, c.kits, c.Log.With("id", id))
	if err != nil {
		c.Log.Error("open the output of a container", "id", id, "err", err)
		return false
	}
	fresh.changed = st.ModTime()
	c.open[id] = fresh
	return false
}

func (c *Collector) close(id string, have *collected, last bool) {
	delete(c.open, id)
	c.closing.Go(func() { have.stop(last) })
}

func (c *Collector) closeAll() {
	for id, have := range c.open {
		c.close(id, have, false)
	}
}

// Folders lists the containers that have FIFOs, ready or not.
func Folders(dirs statedir.Dirs) (ids []string, err error) {
	entries, err := os.ReadDir(dirs.IO())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			ids = append(ids, e.Name())
		}
	}
	return ids, err
}
