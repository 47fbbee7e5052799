package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/internal/engine"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/spec"
)

type pullFlags struct {
	policy       string
	ignore       bool
	quiet        bool
	dependencies bool
	notBuilt     bool
}

func pullCommand(g *globals) *cobra.Command {
	var f pullFlags
	c := &cobra.Command{
		Use:   "pull [SERVICE...]",
		Short: "Pull the images of the stack's services",
		Long: `Pull the images of all services, or of those named, several at a time. Nothing
is started or replaced: the next up does that. What up finds missing it pulls by
itself.`,
		Example: `  stackup pull
  stackup pull --policy missing web
  stackup pull -q --ignore-pull-failures`,
		RunE: func(c *cobra.Command, args []string) error { return g.pull(c, f, args) },
	}
	s := c.Flags()
	s.StringVar(&f.policy, "policy", "always", "always, or missing: only what is not on this machine")
	s.BoolVar(&f.ignore, "ignore-pull-failures", false, "pull what can be pulled; what cannot is no error")
	s.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")
	s.BoolVar(&f.dependencies, "include-deps", false, "also the images of what the services depend on")
	s.BoolVar(&f.notBuilt, "ignore-buildable", false, "leave images that can be built alone")
	return c
}

func (g *globals) pull(c *cobra.Command, f pullFlags, only []string) error {
	if f.policy != "always" && f.policy != "missing" {
		return fmt.Errorf("--policy %q: must be always or missing", f.policy)
	}
	if f.quiet {
		g.progress = "quiet"
	}
	ctx := c.Context()
	return g.withStack(ctx, func(ses *session, s *spec.Stack, p ui.Progress) error {
		got, err := ses.Pull(ctx, s, app.PullOptions{
			Only: only, Dependencies: f.dependencies, Missing: f.policy == "missing", KeepGoing: f.ignore, NotBuilt: f.notBuilt,
		})
		err = errors.Join(err, p.Close())
		warn(pullNotes(got))
		if err != nil {
			return err
		}
		if f.policy == "missing" && len(got.Pulled)+len(got.Failed) == 0 && !f.quiet {
			fmt.Fprintf(os.Stderr, "stack %s: nothing to pull, %d here already\n", s.Name, len(got.Here))
		}
		return engine.Record(c.Context(), ses.dirs, ses.choice)
	})
}

// pullNotes name the images that could not be pulled. Many of those were never
// meant to be: they were loaded, or built here.
func pullNotes(got app.Pulled) (out []string) {
	for _, ref := range got.Failed {
		if slices.Contains(got.Here, ref) {
			out = append(out, fmt.Sprintf("image %s was not pulled; up takes the one that is on this machine", ref))
		} else {
			out = append(out, fmt.Sprintf("image %s was not pulled and is not on this machine", ref))
		}
	}
	return out
}
