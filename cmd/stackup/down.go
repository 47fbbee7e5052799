package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/engine"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

func downCommand(g *globals) *cobra.Command {
	var volumes, orphans bool
	var timeout int
	c := &cobra.Command{
		Use:   "down",
		Short: "Stop and remove the stack's containers and networks",
		Long: `Stop and remove the containers and networks of the stack, dependents before
what they depend on. Volumes stay unless -v is given.`,
		Example: `  stackup down
  stackup down -v          # with all data
  stackup -p shop down     # without its file`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.down(c, planner.Options{
				Down: true, RemoveVolumes: volumes, RemoveOrphans: orphans, Timeout: seconds(c, "timeout", timeout),
			})
		},
	}
	f := c.Flags()
	f.BoolVarP(&volumes, "volumes", "v", false, "remove the stack's volumes too: their data is lost")
	f.BoolVar(&orphans, "remove-orphans", false, "remove containers of services that the file no longer has")
	f.IntVarP(&timeout, "timeout", "t", 0, "seconds from stop signal to SIGKILL, over stop_grace_period")
	return c
}

func (g *globals) down(c *cobra.Command, o planner.Options) error {
	ctx := c.Context()
	none := func(s *spec.Stack) error {
		fmt.Fprintf(os.Stderr, "stack %s: nothing to remove\n", s.Name)
		return nil
	}
	return g.withStackThere(ctx, none, func(ses *session, s *spec.Stack, p ui.Progress) error { return ses.takeDown(ctx, s, o, p) })
}

// takeDown takes the stack away and closes the progress.
func (s *session) takeDown(ctx context.Context, st *spec.Stack, o planner.Options, p ui.Progress) error {
	plan, err := s.Carry(ctx, st, o, nil)
	err = errors.Join(err, p.Close())
	if plan != nil {
		warn(plan.Notices)
	}
	if err != nil {
		return err
	}
	if err := (memos{s.dirs}).forget(st.Name); err != nil {
		return err
	}
	if plan.Empty() {
		fmt.Fprintf(os.Stderr, "stack %s: nothing to remove\n", st.Name)
	}
	return s.lastOneOut(ctx, st.Name)
}

// lastOneOut takes away what the containers of a stack share, once there is
// none, and likewise what all stacks share.
func (s *session) lastOneOut(ctx context.Context, stack string) error {
	left, err := s.engine.Stacks(ctx)
	if err == nil && !slices.Contains(left, stack) {
		err = s.engine.RemoveGroup(ctx, stack)
	}
	if err != nil || len(left) > 0 {
		return err
	}
	s.engine.RemoveShared()
	return engine.Forget(s.dirs, s.choice)
}
