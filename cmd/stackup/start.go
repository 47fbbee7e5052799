package main

import (
	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

func startCommand(g *globals) *cobra.Command {
	var o planner.Options
	var limit int
	d := planned("start", func(s *spec.Stack, st planner.State) (*planner.Plan, error) { return planner.MakeStart(s, st, o) })
	c := &cobra.Command{
		Use:   "start [SERVICE...]",
		Short: "Start containers that are there",
		Long: `Start the containers of the services, and of all that they depend on, as they
were made: changes of the file are up's business. Conditions of depends_on hold
before a dependent starts.`,
		Example: `  stackup start
  stackup start --wait --wait-timeout 30 web`,
		RunE: func(c *cobra.Command, args []string) error {
			o.Only, o.Wait = args, o.Wait || limit > 0
			ctx, cancel := within(c.Context(), limit, "--wait-timeout")
			defer cancel()
			return g.act(ctx, d)
		},
	}
	c.Flags().BoolVar(&o.Wait, "wait", false, "return once everything runs, and is healthy where it has a healthcheck")
	c.Flags().IntVar(&limit, "wait-timeout", 0, "seconds to wait at most; implies --wait")
	d.dryRunFlag(c)
	return c
}

func stopCommand(g *globals) *cobra.Command {
	var o planner.Options
	var timeout int
	d := planned("stop", func(s *spec.Stack, st planner.State) (*planner.Plan, error) { return app.StopOnly(o)(s, st) })
	c := &cobra.Command{
		Use:   "stop [SERVICE...]",
		Short: "Stop containers and keep them",
		Long: `Stop the running containers of the services, dependents before what they depend
on. They stay as they are for start; no restart policy brings them back before.`,
		Example: `  stackup stop
  stackup stop -t 30 db`,
		RunE: func(c *cobra.Command, args []string) error {
			o.Only, o.Timeout = args, seconds(c, "timeout", timeout)
			return g.act(c.Context(), d)
		},
	}
	timeoutFlag(c, &timeout)
	d.dryRunFlag(c)
	return c
}

func restartCommand(g *globals) *cobra.Command {
	var o planner.Options
	var timeout int
	d := planned("restart", func(s *spec.Stack, st planner.State) (*planner.Plan, error) { return planner.MakeRestart(s, st, o) })
	c := &cobra.Command{
		Use:   "restart [SERVICE...]",
		Short: "Stop containers and start them again",
		Long: `Stop the containers of the services and start them again, as they were made;
those that do not run start. Services that say depends_on: {NAME: {restart: true}}
of one of them follow. Dependents stop first and start last.`,
		Example: `  stackup restart web
  stackup restart --no-deps -t 1 db`,
		RunE: func(c *cobra.Command, args []string) error {
			o.Only, o.Timeout = args, seconds(c, "timeout", timeout)
			return g.act(c.Context(), d)
		},
	}
	c.Flags().BoolVar(&o.NoDeps, "no-deps", false, "leave services that follow a restart alone")
	timeoutFlag(c, &timeout)
	d.dryRunFlag(c)
	return c
}

func timeoutFlag(c *cobra.Command, seconds *int) {
	c.Flags().IntVarP(seconds, "timeout", "t", 0, "seconds from stop signal to SIGKILL, over stop_grace_period")
}
