package main

import (
	"errors"
	"os"
	"os/user"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/ui"
)

func topCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "top [SERVICE...]",
		Short: "Show the processes of running containers",
		Long:  "Show the processes of the services' containers, as this machine sees them.",
		Example: `  stackup top
  stackup top web`,
		RunE: func(c *cobra.Command, args []string) error { return g.top(c, args) },
	}
}

func (g *globals) top(c *cobra.Command, only []string) error {
	var rows []ui.TopRow
	err := g.onStack(c.Context(), only, func(ses *session, stack string) error {
		list, err := ses.live(c.Context(), stack, only)
		if err != nil {
			return err
		}
		for _, x := range list {
			ps, err := ses.engine.Top(c.Context(), x.ID)
			if err != nil {
				return err
			}
			for _, p := range ps {
				rows = append(rows, ui.TopRow{
					Service: x.Ref.Name, Index: x.Ref.Index, User: userName(p.UID), PID: p.PID, PPID: p.PPID,
					Started: p.Started, TTY: p.TTY, CPU: p.CPU, Command: p.Args,
				})
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errNoEngine) || len(rows) == 0 {
		return ignoreNoEngine(err)
	}
	return ui.TopTable(os.Stdout, rows, time.Now())
}

// ignoreNoEngine is for commands that show what there is: there is nothing then.
func ignoreNoEngine(err error) error {
	if errors.Is(err, errNoEngine) {
		return nil
	}
	return err
}

// userName is how this machine calls a user.
func userName(uid int) string {
	n := strconv.Itoa(uid)
	if u, err := user.LookupId(n); err == nil {
		return u.Username
	}
	return n
}
