package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/engine"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/internal/supervisor"
	"stackup.dev/stackup/internal/twin"
)

// superviseName is the hidden command that the supervisor runs as.
const superviseName = "__supervise"

// stayFlag has it stay with nothing to look after, and stand by behind another one.
const stayFlag = "--stay"

func superviseCommand(g *globals) *cobra.Command {
	var stay bool
	c := &cobra.Command{
		Use:    superviseName,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(c *cobra.Command, _ []string) error { return g.supervise(c.Context(), stay) },
	}
	c.Flags().BoolVar(&stay, strings.TrimPrefix(stayFlag, "--"), false, "")
	return c
}

// supervise looks after containers until nothing is left to look after, or, if it
// is to stay, until ctx ends. One at a time does: another ends, or stands by.
func (g *globals) supervise(ctx context.Context, stay bool) (err error) {
	staysOn()
	g.helper = true
	d, libexec, err := g.embedded()
	if err != nil {
		return err
	}
	lock, err := d.TryLock(twin.Supervisor)
	if err != nil && stay {
		lock, err = d.Lock(ctx, twin.Supervisor, nil)
	}
	if statedir.IsLocked(err) {
		return nil // another one is at work
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	h := newHelpers(d, libexec, g.address)
	log := g.log()
	w := twin.Watcher{Dirs: d, Name: twin.Logger, Respawn: h.spawnLogger, Log: log, Own: lock, Displaced: cancel}
	watching.Go(func() { w.Run(ctx) })
	return g.superviseEngine(ctx, d, libexec, log, stay)
}

func (g *globals) superviseEngine(ctx context.Context, d statedir.Dirs, libexec string, log *slog.Logger, stay bool) error {
	kind := engine.System
	if g.address == d.Socket() {
		kind = engine.Embedded
	}
	e, err := g.engineAt(ctx, d, engine.Choice{Kind: kind, Address: g.address}, libexec, nil)
	if err != nil {
		return err
	}
	front := supervisor.Front{Dirs: d, Records: e.Network, Log: log, Answering: func(is bool) {
		if err := e.Network.SetAnswering(ctx, is); err != nil {
			log.Warn("say whether names are answered", "err", err)
		}
	}}
	serving := sync.WaitGroup{}
	ctx, cancel := context.WithCancel(ctx)
	serving.Go(func() { front.Run(ctx) })
	s := &supervisor.Supervisor{
		Engine: e, Endpoints: e.Network, Dirs: d, Log: log, Stay: stay, Needed: func() bool { return twin.Needed(d) },
	}
	err = s.Run(ctx)
	cancel()
	serving.Wait()
	return errors.Join(err, e.Close())
}
