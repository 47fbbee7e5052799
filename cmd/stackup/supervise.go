package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/engine"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/internal/supervisor"
	"stackup.dev/stackup/internal/twin"
)

// superviseName is the hidden command that the supervisor runs as.
const superviseName = "__supervise"

// helpers are the processes that outlive a command: the logger, which drains
// the containers' output, and the supervisor. Each watches the other.
type helpers struct {
	dirs    statedir.Dirs
	libexec string
	address string
	mu      *sync.Mutex // one Ensure at a time
}

// loggerTime is how long Ensure waits for a logger that it has started: a
// second one started meanwhile would stand by to take its place.
const loggerTime = 500 * time.Millisecond

// Ensure starts the helpers that do not run, and replaces one that was started
// for another engine. One too many ends by itself.
func (h helpers) Ensure(context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	supervise, collect, err := h.commands()
	if err != nil {
		return err
	}
	wanted := map[string][]string{twin.Logger: collect, twin.Supervisor: supervise}
	if err := h.endOthers(wanted); err != nil {
		return err
	}
	return errors.Join(h.spawn(twin.Supervisor, supervise), h.spawn(twin.Logger, collect), h.awaitLogger())
}

func (h helpers) spawn(name string, argv []string) error {
	if _, held := twin.Find(h.dirs, name); held {
		return nil
	}
	return twin.Spawn(argv)
}

// awaitLogger gives up in silence: output waits in its FIFOs, and the
// supervisor looks after the logger.
func (h helpers) awaitLogger() error {
	for end := time.Now().Add(loggerTime); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if _, held := twin.Find(h.dirs, twin.Logger); held {
			return nil
		}
	}
	return nil
}

// endOthers ends the helpers that were started in another way, both at once:
// each would bring the other one back.
func (h helpers) endOthers(wanted map[string][]string) error {
	var held []twin.Holder
	other := false
	for name, argv := range wanted {
		if holder, ok := twin.Find(h.dirs, name); ok {
			held = append(held, holder)
			other = other || !slices.Equal(holder.Args(), argv)
		}
	}
	if !other {
		return nil
	}
	return twin.KillAll(held...)
}

// commands are the command lines of the two; the logger's says how to bring
// the supervisor back.
func (h helpers) commands() (supervise, collect []string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	supervise = []string{self, "--root", h.dirs.Root, "--state", h.dirs.State, "--address", h.address, superviseName}
	b, err := json.Marshal(supervise)
	return supervise, []string{
		filepath.Join(h.libexec, "stackup-logger"), "--root", h.dirs.Root, "--state", h.dirs.State,
		"--idle-exit", "1s", "--supervisor-cmd", string(b),
	}, err
}

// spawnLogger is how the supervisor brings the logger back.
func (h helpers) spawnLogger() error {
	_, collect, err := h.commands()
	if err != nil {
		return err
	}
	return twin.Spawn(collect)
}

func superviseCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:    superviseName,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(c *cobra.Command, _ []string) error { return g.supervise(c.Context()) },
	}
}

func (g *globals) supervise(ctx context.Context) (err error) {
	d, libexec, err := g.embedded()
	if err != nil {
		return err
	}
	lock, err := d.TryLock(twin.Supervisor)
	var held *statedir.LockedError
	if errors.As(err, &held) {
		return nil // another one is at work
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h := helpers{dirs: d, libexec: libexec, address: g.address, mu: &sync.Mutex{}}
	log := g.log()
	w := twin.Watcher{Dirs: d, Name: twin.Logger, Respawn: h.spawnLogger, Log: log}
	go w.Run(ctx)
	return g.superviseEngine(ctx, d, libexec, log)
}

func (g *globals) superviseEngine(ctx context.Context, d statedir.Dirs, libexec string, log *slog.Logger) error {
	kind := engine.System
	if g.address == d.Socket() {
		kind = engine.Embedded
	}
	e, err := g.engineAt(ctx, d, engine.Choice{Kind: kind, Address: g.address}, libexec, nil)
	if err != nil {
		return err
	}
	s := &supervisor.Supervisor{Engine: e, Dirs: d, Log: log, Needed: func() bool { return twin.Needed(d) }}
	return errors.Join(s.Run(ctx), e.Close())
}
