package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/planner"
)

func psCommand(g *globals) *cobra.Command {
	var all bool
	var format string
	c := &cobra.Command{
		Use:   "ps [SERVICE...]",
		Short: "List the stack's containers",
		Example: `  stackup ps
  stackup ps -a
  stackup ps --format json | jq -r '.Publishers[].PublishedPort'`,
		RunE: func(c *cobra.Command, args []string) error { return g.ps(c, all, format, args) },
	}
	c.Flags().BoolVarP(&all, "all", "a", false, "also those that do not run")
	c.Flags().StringVar(&format, "format", "table", "table or json (one object a line)")
	return c
}

func (g *globals) ps(c *cobra.Command, all bool, format string, only []string) (err error) {
	if format != "table" && format != "json" {
		return fmt.Errorf("--format %q: must be table or json", format)
	}
	stack, err := g.stackName(c.Context(), only)
	if err != nil {
		return err
	}
	rows, err := g.psRows(c, stack, only, all)
	if err != nil {
		return err
	}
	if format == "json" {
		return ui.PsJSON(os.Stdout, rows, time.Now())
	}
	return ui.PsTable(os.Stdout, rows, time.Now())
}

func (g *globals) psRows(c *cobra.Command, stack string, only []string, all bool) (rows []ui.PsRow, err error) {
	ses, err := g.connect(c.Context(), wantIfThere, event.Discard)
	if errors.Is(err, errNoEngine) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ses.Close()) }()
	cs, err := ses.Ps(c.Context(), stack, only, all)
	for _, x := range cs {
		rows = append(rows, psRow(x))
	}
	return rows, err
}

func psRow(c inspect.Container) ui.PsRow {
	r := ui.PsRow{
		Name: c.Name, Image: c.Image, Command: strings.Join(c.Args, " "), Project: c.Stack,
		Service: c.Ref.Name, Index: c.Ref.Index, State: stateWord(c), Health: string(c.Health),
		ExitCode: c.ExitCode, Restarts: c.Restarts.Total, Created: c.Created, Started: c.StartedAt, Finished: c.ExitedAt,
		Addresses: c.Addresses, ID: c.ID, Digest: c.Digest, Labels: c.Labels,
	}
	for _, p := range c.Ports {
		r.Ports = append(r.Ports, ui.PsPort{HostIP: p.HostIP, Host: p.HostPort, Target: p.Target, Protocol: p.Protocol})
		if p.IPv6 {
			r.Ports = append(r.Ports, ui.PsPort{HostIP: "::", Host: p.HostPort, Target: p.Target, Protocol: p.Protocol})
		}
	}
	return r
}

// stateWord is the state in docker's words.
func stateWord(c inspect.Container) string {
	switch {
	case c.Task == planner.TaskRunning, c.Task == planner.TaskPaused, c.Task == planner.TaskCreated:
		return string(c.Task)
	case c.Task == planner.TaskStopped:
		return "exited"
	case c.StartedAt.IsZero() && !c.Lost:
		return "created"
	default:
		return "exited" // its task is gone
	}
}
