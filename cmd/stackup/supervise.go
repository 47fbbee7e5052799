package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/ctrd"
	"stackup.dev/stackup/internal/engine"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/network/news"
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

// superviseEngine serves names and relays by the records alone, and looks after containers
// as soon as the engine answers: it may have ended before this process came.
func (g *globals) superviseEngine(ctx context.Context, d statedir.Dirs, libexec string, log *slog.Logger, stay bool) error {
	net := network.New(d, libexec, log)
	front := supervisor.Front{Dirs: d, Records: net, Log: log, Answering: func(is bool) {
		if err := net.SetAnswering(context.WithoutCancel(ctx), is); err != nil { // in the end too
			log.Warn("say whether names are answered", "err", err)
		}
	}}
	again := make(chan struct{}, 1)
	front.Again = again
	heard := news.Listen(log)
	mender := supervisor.Mender{Links: net, News: heard, Log: log, Looked: func() {
		select {
		case again <- struct{}{}:
		default: // it is to look again already
		}
	}}
	var serving sync.WaitGroup
	defer serving.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	serving.Go(func() { front.Run(ctx) })
	serving.Go(func() { heard.Run(ctx) })
	serving.Go(func() { mender.Run(ctx) })
	kind := engine.System
	if g.address == d.Socket() {
		kind = engine.Embedded
	}
	needed := func() bool { return twin.Needed(d) }
	e, err := awaitEngine(ctx, log, func() bool { return stay || needed() }, func() (*ctrd.Engine, error) {
		return g.engineAt(ctx, d, engine.Choice{Kind: kind, Address: g.address}, libexec, net, nil)
	})
	if err != nil {
		return err
	}
	s := &supervisor.Supervisor{Engine: e, Endpoints: net, Dirs: d, Log: log, Stay: stay, Needed: needed}
	err = s.Run(ctx)
	cancel()
	serving.Wait()
	return errors.Join(err, e.Close())
}

// enginePause is how long awaitEngine waits between two tries.
const enginePause = 200 * time.Millisecond

// awaitEngine connects to the engine, and tries again for as long as it is needed and
// ctx has not ended. Each new reason why it cannot is logged once.
func awaitEngine[E any](ctx context.Context, log *slog.Logger, needed func() bool, connect func() (E, error)) (E, error) {
	var reason string
	for {
		e, err := connect()
		if err == nil || ctx.Err() != nil || !needed() {
			return e, err
		}
		if err.Error() != reason {
			reason = err.Error()
			log.Warn("wait for the engine", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(enginePause):
		}
	}
}
