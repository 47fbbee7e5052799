package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/internal/engine"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

func upCommand(g *globals) *cobra.Command {
	var f upFlags
	c := &cobra.Command{
		Use:   "up [SERVICE...]",
		Short: "Create and start what the stack file asks for",
		Long: `Compare the stack file with what runs and carry the difference out. Unchanged
containers are left alone; a changed one is replaced by creating its successor
first. Without -d the logs are shown until Ctrl-C stops the stack; a second
Ctrl-C kills it.`,
		Example: `  stackup up                        # in the foreground
  stackup up -d --wait              # return when everything is healthy
  stackup up --watch                # act on every save, with the logs in view
  stackup up -d --scale web=3 web`,
		RunE: func(c *cobra.Command, args []string) error { return g.up(c, f, args) },
	}
	f.register(c)
	return c
}

func (g *globals) up(c *cobra.Command, f upFlags, only []string) (err error) {
	ctx := c.Context()
	early := g.connectEarly(ctx)
	defer early.drop()
	s, memo, err := g.recall(ctx)
	if err != nil {
		return err
	}
	if err := f.bend(g, s); err != nil {
		return err
	}
	warn(s.Notices)
	if len(f.scale) > 0 || f.images.pull != "" {
		memo = nil // it is of the stack as it was before
	}
	if err := f.check(s); err != nil {
		return err
	}
	o := f.options(c, only)
	p, err := g.newProgress(s)
	if err != nil {
		return err
	}
	p = f.images.quiet(p)
	ses, err := early.finish(ctx, g, wantRunning, p)
	if err != nil {
		return errors.Join(err, p.Close())
	}
	defer func() { err = errors.Join(err, ses.Close()) }()
	ses.memo = memo
	if f.dryRun {
		o.Build = f.images.build
		return errors.Join(ses.showPlan(ctx, s, o, planFlags{}), p.Close())
	}
	if f.images.build {
		ses.memo = nil // it is of the stack as it was before
		app.BuildHere(s, only)
		if err := ses.buildFirst(ctx, s, only, p); err != nil {
			return err
		}
	}
	if f.detach || f.wait || f.noStart {
		return ses.upDetached(ctx, s, o, f, p)
	}
	return ses.upAttached(ctx, g, s, o, f, p)
}

// buildFirst builds before up looks at what there is: a container whose image
// comes out the same is left alone.
func (s *session) buildFirst(ctx context.Context, st *spec.Stack, only []string, p ui.Progress) error {
	names := app.Built(st, only)
	if len(names) == 0 {
		return nil
	}
	if _, err := s.Build(ctx, st, names); err != nil {
		return errors.Join(err, p.Close())
	}
	return nil
}

func (s *session) upDetached(ctx context.Context, st *spec.Stack, o planner.Options, f upFlags, p ui.Progress) error {
	ctx, cancel := within(ctx, f.waitTimeout, "--wait-timeout")
	defer cancel()
	return s.carry(ctx, st, o, p)
}

// carry runs the plan with its progress, and closes that.
func (s *session) carry(ctx context.Context, st *spec.Stack, o planner.Options, p ui.Progress) error {
	var kept sync.WaitGroup
	plan, err := s.Carry(ctx, st, o, func(*planner.Plan) error {
		kept.Go(func() { memos{s.dirs}.keep(st.Name, s.memo) })
		return engine.Record(ctx, s.dirs, s.choice)
	})
	kept.Wait()
	err = errors.Join(err, p.Close())
	if plan != nil {
		warn(plan.Notices)
		if plan.Empty() && err == nil {
			fmt.Fprintf(os.Stderr, "stack %s: nothing to do, %d unchanged\n", plan.Stack, len(plan.Keep))
		}
	}
	return err
}

func (g *globals) newProgress(st *spec.Stack) (ui.Progress, error) {
	return ui.NewProgress(g.progress, os.Stderr, names(st))
}

// seconds is the value of a flag, nil unless it was given.
func seconds(c *cobra.Command, flag string, n int) *time.Duration {
	if !c.Flags().Changed(flag) {
		return nil
	}
	d := time.Duration(n) * time.Second
	return &d
}

func scale(s *spec.Stack, wishes []string, most int) error {
	for _, w := range wishes {
		name, num, _ := strings.Cut(w, "=")
		n, err := strconv.Atoi(num)
		if err != nil || n < 0 || n > most {
			return fmt.Errorf("--scale %q: must be SERVICE=N with N from 0 to %d", w, most)
		}
		v := s.Service(name)
		if v == nil {
			return fmt.Errorf("--scale %q: no such service: %s", w, name)
		}
		if v.Provider != nil || v.Job != "" {
			return fmt.Errorf("--scale %q: %s has no replicas: it is a job, or has a provider", w, name)
		}
		v.Replicas = n
	}
	if found := spec.Validate(s); len(found) > 0 {
		return found
	}
	return nil
}

func warn(lines []string) {
	for _, l := range lines {
		_, _ = io.WriteString(os.Stderr, "note: "+ui.Sanitize(l)+"\n")
	}
}
