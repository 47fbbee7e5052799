package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// deed is a command on containers that are there.
type deed struct {
	word   string // what there is nothing to: "stop"
	dryRun bool   // print the plan instead
	// do carries it out, by way of asked.
	do func(ctx context.Context, ses *session, s *spec.Stack, asked func(*planner.Plan) error) (*planner.Plan, error)
	// plan is what do plans, for where there is no engine yet.
	plan app.Command
	// asked, if not nil, may refuse the plan by an error.
	asked func(*planner.Plan) error
}

// planned makes a deed of what is planned and then carried out.
func planned(word string, c app.Command) deed {
	return deed{word: word, plan: c, do: func(ctx context.Context, ses *session, s *spec.Stack, asked func(*planner.Plan) error) (*planner.Plan, error) {
		return ses.Do(ctx, s, c, asked)
	}}
}

// errNotDone ends a deed that was not to be done.
var errNotDone = errors.New("not done")

// act does a deed, with progress lines. With -p it works where there is no file
// any more.
func (g *globals) act(ctx context.Context, d deed) error {
	none := func(s *spec.Stack) error {
		plan, err := d.plan(s, planner.State{Stack: s.Name})
		d.nothing(s, plan, err)
		return err
	}
	return g.withStackThere(ctx, none, func(ses *session, s *spec.Stack, p ui.Progress) error {
		plan, err := d.do(ctx, ses, s, d.allowed)
		if err = errors.Join(err, p.Close()); errors.Is(err, errNotDone) {
			return nil
		}
		if plan != nil {
			warn(plan.Notices)
		}
		d.nothing(s, plan, err)
		return err
	})
}

// allowed is asked before a plan is carried out.
func (d deed) allowed(p *planner.Plan) error {
	if d.dryRun {
		return errors.Join(planFlags{}.print(p), errNotDone)
	}
	if d.asked != nil {
		return d.asked(p)
	}
	return nil
}

// nothing says so where there was nothing to do.
func (d deed) nothing(s *spec.Stack, p *planner.Plan, err error) {
	if err == nil && p.Empty() {
		fmt.Fprintf(os.Stderr, "stack %s: nothing to %s\n", s.Name, d.word)
	}
}

const dryRunHelp = "show the steps and do none"

func (d *deed) dryRunFlag(c *cobra.Command) {
	c.Flags().BoolVar(&d.dryRun, "dry-run", false, dryRunHelp)
}

// within bounds what a command waits for, if more than no seconds are given.
func within(ctx context.Context, seconds int, flag string) (context.Context, context.CancelFunc) {
	if seconds <= 0 {
		return context.WithCancel(ctx)
	}
	limit := time.Duration(seconds) * time.Second
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("not everything was ready within %s of %s", flag, limit))
}
