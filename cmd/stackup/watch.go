package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/internal/build"
	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

type watchFlags struct {
	noUp    bool
	confirm bool
	quiet   bool
	prune   bool
	poll    time.Duration
}

func watchCommand(g *globals) *cobra.Command {
	var f watchFlags
	c := &cobra.Command{
		Use:   "watch [SERVICE...]",
		Short: "Bring the stack up, and keep it as its files are",
		Long: `Bring the stack up, and then act on every save until Ctrl-C, which leaves the
stack running. Saved sources go by the rules of develop.watch: into the
containers, with a restart or a command after it, or into a new image. A saved
stack file, or a file that it reads, is planned and carried out like up does;
one with a mistake is told with its line, and changes nothing.`,
		Example: `  stackup watch
  stackup watch --confirm web       # ask before anything is stopped or replaced
  stackup watch --poll 1s           # for file systems that tell of no changes (NFS, FUSE)`,
		RunE: func(c *cobra.Command, args []string) error { return g.watch(c.Context(), f, args) },
	}
	f.register(c)
	c.Flags().BoolVar(&f.noUp, "no-up", false, "watch the stack that runs, without bringing it up first")
	c.Flags().BoolVar(&f.quiet, "quiet", false, "tell failures only")
	c.Flags().BoolVar(&f.prune, "prune", true, "as docker compose has it; a rebuild leaves no image without a name here, so there is nothing to prune")
	return c
}

// register has what watch and up --watch have in common.
func (f *watchFlags) register(c *cobra.Command) {
	c.Flags().BoolVar(&f.confirm, "confirm", false, "with a watch: ask before a saved stack file stops or replaces a container")
	c.Flags().DurationVar(&f.poll, "poll", 0, "with a watch: look for changes that often, where the file system tells of none")
}

func (g *globals) watch(ctx context.Context, f watchFlags, only []string) error {
	return g.withStack(ctx, func(ses *session, s *spec.Stack, p ui.Progress) (err error) {
		unlock, err := ses.watchAlone(s.Name)
		if err != nil {
			return errors.Join(err, p.Close())
		}
		defer func() { err = errors.Join(err, unlock()) }()
		if f.noUp {
			err = p.Close()
		} else {
			err = ses.carry(ctx, s, planner.Options{Only: only}, p)
		}
		if err != nil {
			return err
		}
		return ses.keep(ctx, g, s, f, g.load, only)
	})
}

// watchAlone sees to it that one watch at a time looks after a stack.
func (s *session) watchAlone(stack string) (unlock func() error, err error) {
	l, err := s.dirs.TryLock("watch-" + stack)
	var locked *statedir.LockedError
	if errors.As(err, &locked) {
		return nil, fmt.Errorf("stack %s is watched by %s already", stack, locked.Holder)
	}
	if err != nil {
		return nil, err
	}
	return l.Unlock, nil
}

// keep keeps the stack, which is up, as its files are, until ctx ends. read gives
// what they ask for.
func (s *session) keep(ctx context.Context, g *globals, st *spec.Stack, f watchFlags, read func(context.Context) (*spec.Stack, error), only []string) error {
	s.Events = event.Discard // actions are told, not steps
	l := &app.Live{App: s.App, Read: read, Tell: g.teller(f.quiet), Only: only}
	if f.confirm {
		l.Consent = func(p *planner.Plan) error { return consent(ctx, p) }
	}
	l.Adopt(st)
	err := l.Watch(ctx, app.WatchOptions{
		Poll: f.poll, Changes: s.engine.Watch, Ignored: build.Ignored, BuildFiles: build.Files,
		Begun: func(b app.Watched) {
			warn(b.Notes)
			if !f.quiet {
				fmt.Fprintln(os.Stderr, "watching", watchedText(b))
			}
		},
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func watchedText(b app.Watched) string {
	files := ui.Count(b.Files, "file") + " of the stack"
	if b.Rules == 0 {
		return files
	}
	return fmt.Sprintf("%s of %s, and %s", ui.Count(b.Rules, "path"), strings.Join(b.Services, ", "), files)
}

// teller writes actions to standard error, one at a time.
func (g *globals) teller(quiet bool) func(event.Action) {
	var mu sync.Mutex
	color := ui.UseColor(os.Stderr)
	return func(a event.Action) {
		if quiet && a.Err == "" {
			return
		}
		line := []byte(ui.ActionLine(a, color))
		if g.progress == "json" {
			line, _ = ui.ActionJSON(a) // plain values
		}
		mu.Lock()
		defer mu.Unlock()
		_, _ = os.Stderr.Write(append(line, '\n'))
	}
}

// consent asks before a plan stops or replaces what runs.
func consent(ctx context.Context, p *planner.Plan) error {
	var lost []string
	for _, s := range p.Steps {
		if s.Op == planner.OpStop || s.Op == planner.OpRemove {
			lost = append(lost, fmt.Sprintf("%s %s", s.Op, s.Ref))
		}
	}
	if len(lost) == 0 {
		return nil
	}
	if !isTerminal(os.Stdin) {
		return fmt.Errorf("%w: standard input is no terminal to ask on (%s)", app.ErrNotDone, strings.Join(lost, ", "))
	}
	if err := (planFlags{}).print(p); err != nil {
		return err
	}
	ok, err := confirmed(ctx, "The stack files have changed.")
	if err == nil && !ok {
		err = app.ErrNotDone
	}
	return err
}
