package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

type planFlags struct {
	json, code, show bool
	force, orphans   bool
	scale            []string
}

func planCommand(g *globals) *cobra.Command {
	var f planFlags
	c := &cobra.Command{
		Use:   "plan [SERVICE...]",
		Short: "Show what up would do, and why; touch nothing",
		Long: `Show every step of the coming up with its reason, down to the field. Nothing is
touched. With --exit-code: 0 nothing to do, 2 changes pending, 1 error.`,
		Example: `  stackup plan
  stackup plan --exit-code && echo up to date
  stackup plan --json | jq '.steps[].id'`,
		RunE: func(c *cobra.Command, args []string) error { return g.plan(c, f, args) },
	}
	s := c.Flags()
	s.BoolVar(&f.json, "json", false, "print the plan as JSON")
	s.BoolVar(&f.code, "exit-code", false, "exit with 2 if there are changes")
	s.BoolVar(&f.show, "show-values", false, "show values that look like secrets")
	s.BoolVar(&f.force, "force-recreate", false, "plan as up --force-recreate would")
	s.BoolVar(&f.orphans, "remove-orphans", false, "plan as up --remove-orphans would")
	s.StringArrayVar(&f.scale, "scale", nil, "SERVICE=N: plan as up --scale would")
	return c
}

func (g *globals) plan(c *cobra.Command, f planFlags, only []string) (err error) {
	ctx := c.Context()
	early := g.connectEarly(ctx)
	defer early.drop()
	s, err := g.load(ctx)
	if err != nil {
		return err
	}
	if err := scale(s, f.scale, g.maxReplicas); err != nil {
		return err
	}
	warn(s.Notices)
	ses, err := early.finish(ctx, g, wantRunning, event.Discard)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ses.Close()) }()
	return ses.showPlan(ctx, s, planner.Options{Only: only, ForceRecreate: f.force, RemoveOrphans: f.orphans}, f)
}

// showPlan prints what would be done, and does nothing.
func (s *session) showPlan(ctx context.Context, st *spec.Stack, o planner.Options, f planFlags) error {
	p, err := s.Plan(ctx, st, o)
	if err != nil {
		return err
	}
	if err := f.print(p); err != nil {
		return err
	}
	if f.code && !p.Empty() {
		return exitCode(exitChanges)
	}
	return nil
}

func (f planFlags) print(p *planner.Plan) error {
	if f.json {
		return ui.PlanJSON(os.Stdout, p, f.show)
	}
	return ui.Plan(os.Stdout, p, ui.PlanOptions{ShowValues: f.show, Color: ui.UseColor(os.Stdout), Width: width()})
}

// width of the terminal, 0 if there is none.
func width() int {
	w, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0
	}
	return w
}
