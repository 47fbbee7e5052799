package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

func rmCommand(g *globals) *cobra.Command {
	var o planner.Options
	var force, stop, volumes bool
	d := deed{word: "remove"}
	d.plan = func(s *spec.Stack, st planner.State) (*planner.Plan, error) {
		return planner.MakeRemove(s, st, stop, o)
	}
	d.do = func(ctx context.Context, ses *session, s *spec.Stack, asked func(*planner.Plan) error) (*planner.Plan, error) {
		return ses.Do(ctx, s, ses.Remove(ctx, stop, volumes, o), asked)
	}
	c := &cobra.Command{
		Use:   "rm [SERVICE...]",
		Short: "Remove containers that do not run",
		Long: `Remove the containers of the services that do not run, after asking. What they
wrote into their own file systems is lost. Anonymous volumes stay for the next
container of the service unless -v is given.`,
		Example: `  stackup rm
  stackup rm -fsv web        # stop it, ask nothing, its anonymous volumes too`,
		RunE: func(c *cobra.Command, args []string) error {
			o.Only = args
			if !force {
				d.asked = func(p *planner.Plan) error { return sure(c.Context(), p) }
			}
			return g.act(c.Context(), d)
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "ask nothing")
	c.Flags().BoolVarP(&stop, "stop", "s", false, "stop running containers and remove them too")
	c.Flags().BoolVarP(&volumes, "volumes", "v", false, "remove anonymous volumes that nothing else uses: their data is lost")
	d.dryRunFlag(c)
	return c
}

// sure asks before containers are removed. A pipe may answer too: "yes | stackup
// rm" is how scripts do it that know docker compose.
func sure(ctx context.Context, p *planner.Plan) error {
	fmt.Fprintf(os.Stderr, "Going to remove %s\nAre you sure? [y/N] ", ui.Sanitize(strings.Join(app.Names(p), ", ")))
	if err := readable(ctx, os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr)
		return err
	}
	return agreed(os.Stdin)
}

// agreed reads one line. The end of the input is nobody's answer.
func agreed(r io.Reader) error {
	line, err := bufio.NewReader(r).ReadString('\n')
	switch {
	case line == "" && err != nil:
		return errors.New("nobody answers on standard input: give --force to go ahead")
	case yes(strings.NewReader(line)):
		return nil
	}
	return errNotDone
}
