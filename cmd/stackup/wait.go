package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/planner"
)

func waitCommand(g *globals) *cobra.Command {
	var down bool
	c := &cobra.Command{
		Use:   "wait SERVICE...",
		Short: "Wait until containers have ended, and exit with their code",
		Long: `Wait until all containers of the services have ended and no restart policy brings
them back, and exit with the exit code of the last one. With --down-project the
first end counts, and the stack is taken down then.`,
		Example: `  stackup wait migrate
  stackup wait --down-project tests`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return g.wait(c, args, down) },
	}
	c.Flags().BoolVar(&down, "down-project", false, "take the stack down when the first container has ended")
	return c
}

func (g *globals) wait(c *cobra.Command, only []string, down bool) (err error) {
	ctx := c.Context()
	s, err := g.loadOrName(ctx)
	if err != nil {
		return err
	}
	if err := services(s, only); err != nil {
		return err
	}
	p, err := g.newProgress(s)
	if err != nil {
		return err
	}
	ses, err := g.connect(ctx, wantIfThere, p)
	if errors.Is(err, errNoEngine) {
		err = fmt.Errorf("service %q has no container", only[0])
	}
	if err != nil {
		return errors.Join(err, p.Close())
	}
	defer func() { err = errors.Join(err, ses.Close()) }()
	code, err := ses.WaitEnded(ctx, s.Name, only, func(c inspect.Container, code int) bool {
		fmt.Printf("container %q exited with status code %d\n", ui.Sanitize(c.Name), code)
		return down
	})
	if err != nil {
		return errors.Join(err, p.Close())
	}
	if down {
		err = ses.takeDown(ctx, s, planner.Options{Down: true, RemoveOrphans: true}, p)
	} else {
		err = p.Close()
	}
	if err == nil && code != 0 {
		return exitCode(code)
	}
	return err
}
