package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/engine"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/internal/supervisor"
	"stackup.dev/stackup/internal/twin"
)

// superviseName is the hidden command that the supervisor runs as.
const superviseName = "__supervise"

func superviseCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:    superviseName,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(c *cobra.Command, _ []string) error { return g.supervise(c.Context()) },
	}
}

func (g *globals) supervise(ctx context.Context) (err error) {
	staysOn()
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
	h := newHelpers(d, libexec, g.address)
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
