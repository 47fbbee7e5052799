package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/internal/build"
	"stackup.dev/stackup/internal/ctrd"
	"stackup.dev/stackup/internal/engine"
	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/spec"
)

// session is one command's hold on its engine.
type session struct {
	*app.App
	engine *ctrd.Engine
	choice engine.Choice
	dirs   statedir.Dirs
	memo   *spec.Memo // of the stack that is brought up, if it is worth keeping
}

func (s *session) Close() error { return s.engine.Close() }

// wish says how much of an engine a command needs.
type wish int

const (
	wantRunning   wish = iota // start one if none runs
	wantIfThere               // errNoEngine if there never was one: there is nothing to show then
	wantListening             // errNoEngine if none runs
)

// errNoEngine says that the embedded engine was never started here, so that
// nothing of ours can be there.
var errNoEngine = errors.New("there is no engine yet")

// connect finds the engine, starts the embedded one if it is wished for, and
// sets up the use cases on it.
func (g *globals) connect(ctx context.Context, w wish, sink event.Sink) (*session, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("containers need root: run this command as root (sudo stackup …)")
	}
	d, err := g.dirs()
	if err != nil {
		return nil, err
	}
	choice, err := engine.Choose(ctx, d, g.address, os.Getenv)
	if err != nil {
		return nil, err
	}
	libexec, err := engine.Libexec()
	if err != nil {
		return nil, err
	}
	if err := startEngine(ctx, d, choice, libexec, w); err != nil {
		return nil, err
	}
	h := newHelpers(d, libexec, choice.Address)
	net := network.New(d, libexec, g.log())
	e, err := g.engineAt(ctx, d, choice, libexec, net, h)
	if ctrd.Absent(err) && choice.Kind == engine.Embedded && w != wantListening {
		// It listened, and was gone before it answered: a process that was killed
		// listens until its last thread has ended.
		if err := engine.Start(ctx, d, libexec); err != nil {
			return nil, err
		}
		e, err = g.engineAt(ctx, d, choice, libexec, net, h)
	}
	if err != nil && choice.Recorded {
		return nil, fmt.Errorf("%w (the stacks of this root live there, as %s says; remove that file to choose anew)", err, d.EngineChoice())
	}
	if err != nil {
		return nil, err
	}
	if choice, err = sameEngine(ctx, d, e, choice); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	a := &app.App{
		Engine: e, Dirs: d, Events: sink, Log: g.log(), Parallel: g.parallel, Helpers: h, Command: g.command,
		Tell: func(line string) { warn([]string{line}) },
		Waiting: func(stack string, h statedir.Holder) {
			if h.PID != os.Getpid() { // a watch does several things at once
				fmt.Fprintf(os.Stderr, "stack %s is locked by %s; waiting\n", stack, h)
			}
		},
	}
	revived, err := h.Revive(ctx)
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	if revived {
		a.Tell("the supervisor and the logger had ended, and are started again: meanwhile no restart policy and no health check was carried out")
	}
	return &session{App: a, engine: e, choice: choice, dirs: d}, nil
}

// connection is an attempt to connect while the stack file is being read.
type connection struct {
	done   chan *session // nil if it did not come about
	cancel context.CancelFunc
	taken  bool
}

// connectEarly begins to connect, if an engine runs that it can connect to.
func (g *globals) connectEarly(ctx context.Context) *connection {
	ctx, cancel := context.WithCancel(ctx)
	c := &connection{done: make(chan *session, 1), cancel: cancel}
	go func() {
		ses, err := g.connect(ctx, wantListening, event.Discard)
		if err != nil {
			ses = nil // whoever needs an engine tries again, and hears why not
		}
		c.done <- ses
	}()
	return c
}

// finish is connect, by what connectEarly has begun if that went well.
func (c *connection) finish(ctx context.Context, g *globals, w wish, sink event.Sink) (*session, error) {
	c.taken = true
	if ses := <-c.done; ses != nil {
		ses.Events = sink
		return ses, nil
	}
	return g.connect(ctx, w, sink)
}

// drop gives up what nobody has taken.
func (c *connection) drop() {
	c.cancel()
	if c.taken {
		return
	}
	if ses := <-c.done; ses != nil {
		_ = ses.Close() // nothing was asked of it
	}
}

// withStack reads the stack file and connects meanwhile. do has the session, the
// stack, and the progress, which it closes.
func (g *globals) withStack(ctx context.Context, do func(*session, *spec.Stack, ui.Progress) error) (err error) {
	early := g.connectEarly(ctx)
	defer early.drop()
	s, err := g.load(ctx)
	if err != nil {
		return err
	}
	warn(s.Notices)
	p, err := g.newProgress(s)
	if err != nil {
		return err
	}
	ses, err := early.finish(ctx, g, wantRunning, p)
	if err != nil {
		return errors.Join(err, p.Close())
	}
	defer func() { err = errors.Join(err, ses.Close()) }()
	return do(ses, s, p)
}

// withStackThere is withStack for commands on what is there already: by the stack's
// name where the file is gone, and with no engine started for it. Where none runs,
// none says so.
func (g *globals) withStackThere(ctx context.Context, none func(*spec.Stack) error, do func(*session, *spec.Stack, ui.Progress) error) (err error) {
	early := g.connectEarly(ctx)
	defer early.drop()
	s, err := g.loadOrName(ctx)
	if err != nil {
		return err
	}
	p, err := g.newProgress(s)
	if err != nil {
		return err
	}
	ses, err := early.finish(ctx, g, wantIfThere, p)
	if errors.Is(err, errNoEngine) { // nor a container
		return errors.Join(none(s), p.Close())
	}
	if err != nil {
		return errors.Join(err, p.Close())
	}
	defer func() { err = errors.Join(err, ses.Close()) }()
	return do(ses, s, p)
}

// sameEngine refuses an engine on which the stacks of this root do not live:
// what is recorded of their networks would look like debris there.
func sameEngine(ctx context.Context, d statedir.Dirs, e *ctrd.Engine, c engine.Choice) (engine.Choice, error) {
	old, err := engine.Recorded(d)
	if err != nil || old.Recorded && old.Address == c.Address && old.UUID != "" {
		c.UUID = old.UUID
		return c, err
	}
	if c.UUID, err = e.UUID(ctx); err != nil || !old.Recorded || old.UUID == "" || old.UUID == c.UUID {
		return c, err
	}
	nets, err := e.Network.Networks()
	if err != nil || len(nets) == 0 {
		return c, err
	}
	return c, fmt.Errorf("the stacks of %s live on the engine at %s, not on the one at %s: take those down first, or use another --root", d.Root, old.Address, c.Address)
}

func startEngine(ctx context.Context, d statedir.Dirs, c engine.Choice, libexec string, w wish) error {
	if c.Kind != engine.Embedded {
		return nil
	}
	if engine.Listens(ctx, c.Address) {
		return nil
	}
	if w == wantListening {
		return errNoEngine
	}
	if _, err := os.Stat(d.EngineRoot()); w == wantIfThere && errors.Is(err, fs.ErrNotExist) {
		return errNoEngine
	}
	return engine.Start(ctx, d, libexec)
}

func (g *globals) engineAt(ctx context.Context, d statedir.Dirs, c engine.Choice, libexec string, net *network.Host, h ctrd.Helpers) (*ctrd.Engine, error) {
	cfg := ctrd.Config{
		Address: c.Address, Embedded: c.Kind == engine.Embedded, Dirs: d, Log: g.log(), Helpers: h,
		Network: net,
		Tell:    func(note string) { warn([]string{note}) },
		InitBin: filepath.Join(libexec, "stackup-init"), ShimBin: filepath.Join(libexec, engine.ShimProgram),
	}
	var err error
	if cfg.RuntimeBin, err = engine.OCIRuntime(g.runtime, c, libexec); err != nil {
		return nil, err
	}
	e, err := ctrd.New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	e.Builder = &build.Builder{
		Dirs: d, Libexec: libexec, Address: c.Address, Snapshotter: e.Snapshotter, Host: cmp.Or(g.builder, os.Getenv("BUILDKIT_HOST")),
		Waiting: func(h statedir.Holder) { fmt.Fprintf(os.Stderr, "images are being built by %s; waiting\n", h) },
		Clear:   e.ClearBuilds,
	}
	return e, nil
}

func (g *globals) log() *slog.Logger {
	if g.debug {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if g.helper {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}
