package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/spec"
)

type pushFlags struct{ ignore, quiet, dependencies bool }

func pushCommand(g *globals) *cobra.Command {
	var f pushFlags
	c := &cobra.Command{
		Use:   "push [SERVICE...]",
		Short: "Push the images that the stack builds",
		Long: `Push the images of all services that have a build, or of those named, under all
their tags, to the registries that their names say. Build them first.`,
		Example: `  stackup build && stackup push
  stackup push -q --ignore-push-failures web`,
		RunE: func(c *cobra.Command, args []string) error { return g.push(c, f, args) },
	}
	s := c.Flags()
	s.BoolVar(&f.ignore, "ignore-push-failures", false, "push what can be pushed; what cannot is no error")
	s.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")
	s.BoolVar(&f.dependencies, "include-deps", false, "also the images of what the services depend on")
	return c
}

func (g *globals) push(c *cobra.Command, f pushFlags, only []string) error {
	if f.quiet {
		g.progress = "quiet"
	}
	ctx := c.Context()
	return g.withStack(ctx, func(ses *session, s *spec.Stack, p ui.Progress) error {
		pushed, failed, err := ses.Push(ctx, s, app.PushOptions{Only: only, Dependencies: f.dependencies, KeepGoing: f.ignore})
		err = errors.Join(err, p.Close())
		if err == nil && len(pushed)+len(failed) == 0 && !f.quiet {
			fmt.Fprintf(os.Stderr, "stack %s: no service has a build\n", s.Name)
		}
		return err
	})
}
