package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/internal/engine"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/spec"
)

type buildFlags struct {
	args         []string
	noCache      bool
	pull         bool
	quiet        bool
	dependencies bool
}

func buildCommand(g *globals) *cobra.Command {
	var f buildFlags
	c := &cobra.Command{
		Use:   "build [SERVICE...]",
		Short: "Build the images of the stack's services",
		Long: `Build the images of all services that have a build, or of those named, whether
anything that goes into them has changed or not. Nothing is started or replaced:
the next up does that. What is due up builds by itself.

BuildKit is started by need, with the engine as its worker, and ends with the
command; its cache stays. BUILDKIT_HOST names another one.`,
		Example: `  stackup build
  stackup build --no-cache --pull web
  stackup build --build-arg VERSION=1.2`,
		RunE: func(c *cobra.Command, args []string) error { return g.build(c, f, args) },
	}
	s := c.Flags()
	s.StringArrayVar(&f.args, "build-arg", nil, "NAME=VALUE or NAME: an argument of every build, over the file's")
	s.BoolVar(&f.noCache, "no-cache", false, "build every step anew")
	s.BoolVar(&f.pull, "pull", false, "ask registries for newer base images")
	s.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")
	s.BoolVar(&f.dependencies, "with-dependencies", false, "also what the services depend on")
	return c
}

func (g *globals) build(c *cobra.Command, f buildFlags, only []string) error {
	if f.quiet {
		g.progress = "quiet"
	}
	ctx := c.Context()
	return g.withStack(ctx, func(ses *session, s *spec.Stack, p ui.Progress) error {
		ses.Builds = executor.BuildOptions{NoCache: f.noCache, Pull: f.pull, Args: buildArgs(f.args)}
		if f.dependencies && len(only) > 0 {
			only = append(only, app.Built(s, only)...)
			slices.Sort(only)
			only = slices.Compact(only)
		}
		plan, err := ses.Build(ctx, s, only)
		err = errors.Join(err, p.Close())
		if err == nil && plan.Empty() && !f.quiet {
			fmt.Fprintf(os.Stderr, "stack %s: no service has a build\n", s.Name)
		}
		if err != nil {
			return err
		}
		return engine.Record(ses.dirs, ses.choice)
	})
}

// buildArgs takes the caller's value for a name without one.
func buildArgs(args []string) (out []spec.Pair) {
	for _, a := range args {
		name, value, given := strings.Cut(a, "=")
		if !given {
			if value, given = os.LookupEnv(name); !given {
				continue
			}
		}
		out = append(out, spec.Pair{Name: name, Value: value})
	}
	return out
}
