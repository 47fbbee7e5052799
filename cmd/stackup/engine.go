package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/ctrd"
	"stackup.dev/stackup/internal/engine"
	"stackup.dev/stackup/internal/statedir"
)

func engineCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "engine",
		Short: "Look after the engine that runs the containers",
		Long: `The engine is a containerd: the one that --address, STACKUP_ADDRESS or
CONTAINERD_ADDRESS names; else the one that the stacks of this machine already
live on; else the system's; else the embedded one, which starts by need.`,
		Example: "  stackup engine status --format json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(engineRun(g), engineStatus(g), engineStart(g), engineStop(g), engineLogs(g), engineSupervise(g), engineInstall(g), engineUninstall())
	return c
}

func engineRun(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "run",
		Short:   "Run the embedded engine in the foreground",
		Example: "  stackup engine run",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			staysOn()
			d, libexec, err := g.embedded()
			if err != nil {
				return err
			}
			log, err := engine.OpenLog(d)
			if err != nil {
				return err
			}
			defer func() { _ = log.Close() }() // each line is written through
			before := func(ctx context.Context) { ctrd.KeepExits(ctx, d, slog.New(slog.NewTextHandler(log, nil))) }
			return engine.Serve(c.Context(), d, libexec, log, before, func() {})
		},
	}
}

func (g *globals) embedded() (statedir.Dirs, string, error) {
	d, err := g.dirs()
	if err != nil {
		return d, "", err
	}
	libexec, err := engine.Libexec()
	return d, libexec, err
}

func engineStart(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "start",
		Short:   "Start the embedded engine in the background",
		Example: "  stackup engine start",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			d, libexec, err := g.embedded()
			if err != nil {
				return err
			}
			return engine.Start(c.Context(), d, libexec)
		},
	}
}

func engineStop(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "stop",
		Short:   "Stop the embedded engine; containers go on",
		Example: "  stackup engine stop",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := g.dirs()
			if err != nil {
				return err
			}
			return engine.Stop(c.Context(), d)
		},
	}
}

func engineLogs(g *globals) *cobra.Command {
	var follow bool
	c := &cobra.Command{
		Use:     "logs",
		Short:   "Show the embedded engine's log",
		Example: "  stackup engine logs -f",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := g.dirs()
			if err != nil {
				return err
			}
			err = engine.Logs(c.Context(), d, os.Stdout, follow)
			if follow && c.Context().Err() != nil {
				return nil
			}
			return err
		},
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on as more is written")
	return c
}

func engineStatus(g *globals) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:     "status",
		Short:   "Say which engine is in use and how it is",
		Example: "  stackup engine status --format json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return fmt.Errorf("--format %q: must be text or json", format)
			}
			return g.engineStatus(c, format == "json")
		},
	}
	c.Flags().StringVar(&format, "format", "text", "text or json")
	return c
}

func (g *globals) engineStatus(c *cobra.Command, asJSON bool) error {
	d, err := g.dirs()
	if err != nil {
		return err
	}
	choice, err := engine.Choose(c.Context(), d, g.address, os.Getenv)
	if err != nil {
		return err
	}
	s, err := engine.Describe(c.Context(), d, choice, g.runtime)
	if err != nil {
		return err
	}
	if !asJSON {
		fmt.Println(s)
		return nil
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(s)
}
