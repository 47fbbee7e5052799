// Package twin lets helper processes watch each other: one that died, or that
// somebody stopped, is replaced by its twin within a few seconds.
package twin

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"time"

	"stackup.dev/stackup/internal/statedir"
)

// The lock names of the helpers; who holds the lock is the helper.
const (
	Logger     = "logger"
	Supervisor = "supervisor"
)

const (
	lookTime   = 500 * time.Millisecond
	minBackoff = time.Second
	maxBackoff = 30 * time.Second
	steadyTime = 10 * time.Second
)

// Watcher looks after the helper that holds one lock. Respawn must start a
// new one and not wait for it; starting one too many must do no harm.
type Watcher struct {
	Dirs    statedir.Dirs
	Name    string // lock name
	Respawn func() error
	Log     *slog.Logger
	// Own is the lock of the process that watches; nil for one without. Displaced is called
	// if another process has it.
	Own       *statedir.Lock
	Displaced func()
}

// Run looks every 500 ms until ctx ends. A dead helper is started again, a
// stopped one (twice in a row in state T) is killed and started again. Nothing
// is started while no container has a folder of FIFOs: helpers that are not
// needed end on purpose. One that keeps dying is started at ever longer
// intervals, up to 30 s.
func (w *Watcher) Run(ctx context.Context) {
	tick := time.NewTicker(lookTime)
	defer tick.Stop()
	var m memory
	var h Holder
	for {
		// The first look waits too: both helpers may be just starting.
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w.keepOwn()
		now := time.Now()
		held := h.PID > 0 && h.holds() // most often it is the one before
		if !held {
			h, held = Find(w.Dirs, w.Name)
		}
		if m.judge(now, held, held && h.Stopped()) == replace {
			w.replace(h, held, &m, now)
		}
	}
}

// keepOwn makes the file of our own lock anew if somebody has deleted it.
func (w *Watcher) keepOwn() {
	if w.Own == nil {
		return
	}
	switch err := w.Own.Renew(); {
	case statedir.IsLocked(err):
		w.Log.Warn("the lock's file was deleted, and another process is in our place", "err", err)
		w.Own = nil
		w.Displaced()
	case err != nil:
		w.Log.Warn("keep our lock", "err", err)
	}
}

func (w *Watcher) replace(h Holder, held bool, m *memory, now time.Time) {
	if !Needed(w.Dirs) {
		return
	}
	if held {
		if err := h.Kill(); err != nil {
			w.Log.Error("kill a stopped helper", "helper", w.Name, "pid", h.PID, "err", err)
			return
		}
	}
	m.spawned(now)
	if err := w.Respawn(); err != nil {
		w.Log.Error("start a helper again", "helper", w.Name, "err", err)
	}
}

// Needed reports whether any container has a folder of FIFOs.
func Needed(dirs statedir.Dirs) bool {
	_, needed := NeededSince(dirs)
	return needed
}

// NeededSince says since when one has, which is when the oldest such folder was made.
func NeededSince(dirs statedir.Dirs) (since time.Time, needed bool) {
	entries, err := os.ReadDir(dirs.IO())
	if err != nil {
		return since, false
	}
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if st, err := e.Info(); err == nil && (!needed || st.ModTime().Before(since)) { // else it has just gone
			since, needed = st.ModTime(), true
		}
	}
	return since, needed
}
