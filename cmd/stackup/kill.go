package main

import (
	"context"
	"fmt"

	"github.com/moby/sys/signal"
	"github.com/spf13/cobra"

	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

func killCommand(g *globals) *cobra.Command {
	var o planner.Options
	var name string
	d := deed{word: "kill"}
	d.plan = func(s *spec.Stack, st planner.State) (*planner.Plan, error) { return planner.MakeKill(s, st, name, o) }
	d.do = func(ctx context.Context, ses *session, s *spec.Stack, asked func(*planner.Plan) error) (*planner.Plan, error) {
		return ses.Kill(ctx, s, d.plan, o.RemoveOrphans, asked)
	}
	c := &cobra.Command{
		Use:   "kill [SERVICE...]",
		Short: "Send running containers a signal",
		Long: `Send the first process of the services' containers a signal, SIGKILL unless
another is given. What ends by SIGKILL or by its own stop signal stays down; after
other signals restart policies apply. It waits for no other command.`,
		Example: `  stackup kill
  stackup kill -s HUP proxy`,
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := signal.ParseSignal(name); err != nil {
				return fmt.Errorf("--signal %q: no such signal", name)
			}
			o.Only = args
			return g.act(c.Context(), d)
		},
	}
	c.Flags().StringVarP(&name, "signal", "s", "SIGKILL", "name or number of the signal")
	c.Flags().BoolVar(&o.RemoveOrphans, "remove-orphans", false, "kill and remove containers of services that the file no longer has")
	d.dryRunFlag(c)
	return c
}

func pauseCommand(g *globals) *cobra.Command {
	return freezing(g, "pause", planner.MakePause, cobra.Command{
		Short:   "Freeze running containers",
		Long:    "Freeze all processes of the services' containers. Nothing of their memory is lost.",
		Example: "  stackup pause web",
	})
}

func unpauseCommand(g *globals) *cobra.Command {
	return freezing(g, "unpause", planner.MakeUnpause, cobra.Command{
		Short:   "Let frozen containers go on",
		Example: "  stackup unpause web",
	})
}

func freezing(g *globals, word string, plan func(*spec.Stack, planner.State, []string) (*planner.Plan, error), c cobra.Command) *cobra.Command {
	var only []string
	d := planned(word, func(s *spec.Stack, st planner.State) (*planner.Plan, error) { return plan(s, st, only) })
	c.Use = word + " [SERVICE...]"
	c.RunE = func(c *cobra.Command, args []string) error {
		only = args
		return g.act(c.Context(), d)
	}
	d.dryRunFlag(&c)
	return &c
}
