package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"stackup.dev/stackup/internal/busy"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/internal/twin"
)

// helpers are the processes that outlive a command: the logger, which drains
// the containers' output, and the supervisor. Each watches the other.
type helpers struct {
	dirs    statedir.Dirs
	libexec string
	address string

	mu      sync.Mutex           // one look at a time
	looked  time.Time            // when both were last seen to
	spawned map[string]time.Time // when each was last started by us
	later   *time.Timer          // starts what was put off
}

const (
	// helperStart is what a helper takes at most until it can be found. A
	// second one started meanwhile would stand by to take its place.
	helperStart = 500 * time.Millisecond
	// supervisorDelay keeps the supervisor's start, which costs as much as a
	// container's, from the moments in which the first containers start.
	supervisorDelay = 300 * time.Millisecond
)

func newHelpers(d statedir.Dirs, libexec, address string) *helpers {
	return &helpers{dirs: d, libexec: libexec, address: address, spawned: map[string]time.Time{}}
}

// Collect sees to it that output is collected, and that exits are soon acted
// upon. It is called before every start, so it looks only now and then.
func (h *helpers) Collect(context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.looked) < helperStart {
		return nil
	}
	h.looked = time.Now()
	if h.later == nil {
		h.later = time.AfterFunc(supervisorDelay, func() { _ = h.Ensure(context.Background()) }) // Ensure is called again at the end
	}
	return h.start(twin.Logger)
}

// Ensure starts the helpers that do not run, and replaces one that was started
// for another engine. One too many ends by itself.
func (h *helpers) Ensure(context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.start(twin.Supervisor, twin.Logger)
}

// Revive starts the helpers where containers need them and neither is there: each brings
// the other one back, and nobody both. It reports whether it did. Those that come with the
// first container are given time to take their locks.
func (h *helpers) Revive(ctx context.Context) (bool, error) {
	for _, name := range []string{twin.Supervisor, twin.Logger} {
		if _, held := twin.Find(h.dirs, name); held {
			return false, nil
		}
	}
	if since, needed := twin.NeededSince(h.dirs); !needed || time.Since(since) < busy.Stretch(supervisorDelay+helperStart) {
		return false, nil
	}
	return true, h.Ensure(ctx)
}

func (h *helpers) start(names ...string) error {
	wanted, err := h.commands()
	if err != nil {
		return err
	}
	if err := h.endOthers(wanted); err != nil {
		return err
	}
	for _, name := range names {
		if _, held := twin.Find(h.dirs, name); held || time.Since(h.spawned[name]) < helperStart {
			continue
		}
		h.spawned[name] = time.Now()
		err = errors.Join(err, twin.Spawn(wanted[name], h.dirs.HelpersLog()))
	}
	return err
}

// endOthers ends the helpers that were started in another way, both at once:
// each would bring the other one back.
func (h *helpers) endOthers(wanted map[string][]string) error {
	var held []twin.Holder
	other := false
	for name, argv := range wanted {
		if holder, ok := twin.Find(h.dirs, name); ok {
			held = append(held, holder)
			other = other || !stands(holder.Args(), argv)
		}
	}
	if !other {
		return nil
	}
	return twin.KillAll(held...)
}

// stands says whether a helper that was started so does what the wanted one would:
// it is that, or a supervisor that stays.
func stands(args, wanted []string) bool {
	return slices.Equal(args, wanted) || slices.Equal(args, append(slices.Clone(wanted), stayFlag))
}

// commands are the command lines of the two; the logger's says how to bring
// the supervisor back.
func (h *helpers) commands() (map[string][]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	supervise := []string{self, "--root", h.dirs.Root, "--state", h.dirs.State, "--address", h.address, superviseName}
	b, err := json.Marshal(supervise)
	collect := []string{
		filepath.Join(h.libexec, "stackup-logger"), "--root", h.dirs.Root, "--state", h.dirs.State,
		"--idle-exit", "1s", "--supervisor-cmd", string(b),
	}
	return map[string][]string{twin.Supervisor: supervise, twin.Logger: collect}, err
}

// spawnLogger is how the supervisor brings the logger back.
func (h *helpers) spawnLogger() error {
	wanted, err := h.commands()
	if err != nil {
		return err
	}
	return twin.Spawn(wanted[twin.Logger], h.dirs.HelpersLog())
}
