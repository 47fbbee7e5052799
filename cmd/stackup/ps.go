package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/internal/health"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/planner"
)

type psFlags struct {
	all, quiet, services, whole, orphans bool
	format                               string
	statuses, filters                    []string
}

func psCommand(g *globals) *cobra.Command {
	var f psFlags
	c := &cobra.Command{
		Use:   "ps [SERVICE...]",
		Short: "List the stack's containers",
		Example: `  stackup ps
  stackup ps -a --status exited
  stackup ps --format 'table {{.Name}}\t{{.Status}}'
  stackup ps --format json | jq -r '.Publishers[].PublishedPort'`,
		RunE: func(c *cobra.Command, args []string) error { return g.ps(c, f, args) },
	}
	s := c.Flags()
	s.BoolVarP(&f.all, "all", "a", false, "also those that do not run")
	s.StringVar(&f.format, "format", "table", "table, json (one object a line), a Go template, or table TEMPLATE")
	s.BoolVarP(&f.quiet, "quiet", "q", false, "IDs only")
	s.BoolVar(&f.services, "services", false, "names of the services only")
	s.BoolVar(&f.whole, "no-trunc", false, "do not cut long commands")
	s.BoolVar(&f.orphans, "orphans", true, "also those of services that the file no longer has")
	s.StringArrayVar(&f.statuses, "status", nil, "only those that are created, running, paused, restarting or exited; may be given several times")
	s.StringArrayVar(&f.filters, "filter", nil, "status=STATUS: the same")
	return c
}

// states reads --status and --filter; none for all.
func (f psFlags) states() ([]string, error) {
	out := slices.Clone(f.statuses)
	for _, text := range f.filters {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key != "status" {
			return nil, fmt.Errorf("--filter %q: must be status=STATUS", text)
		}
		out = append(out, value)
	}
	known := []string{"created", "running", "paused", "restarting", "exited", "removing", "dead"} // the last two never are
	for _, s := range out {
		if !slices.Contains(known, s) {
			return nil, fmt.Errorf("status %q: must be one of %q", s, known)
		}
	}
	return out, nil
}

func (g *globals) ps(c *cobra.Command, f psFlags, only []string) (err error) {
	form, err := ui.NewPs(f.format)
	if err != nil {
		return err
	}
	form.Whole = f.whole
	states, err := f.states()
	if err != nil {
		return err
	}
	stack, only, err := g.psServices(c, f, only)
	if err != nil {
		return err
	}
	rows, err := g.psRows(c, stack, only, f.all || len(states) > 0, form.Probes())
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(r ui.PsRow) bool { return len(states) > 0 && !slices.Contains(states, r.State) })
	switch {
	case f.quiet:
		printEach(rows, func(r ui.PsRow) string { return r.ID })
	case f.services:
		printEach(rows, func(r ui.PsRow) string { return r.Service })
	default:
		return form.Write(os.Stdout, rows, time.Now())
	}
	return nil
}

// psServices are the services to list, none for all: those named, or those of the
// file if orphans are not wanted.
func (g *globals) psServices(c *cobra.Command, f psFlags, only []string) (string, []string, error) {
	if f.orphans || len(only) > 0 {
		stack, err := g.stackName(c.Context(), only)
		return stack, only, err
	}
	s, err := g.load(c.Context())
	if err != nil {
		return "", nil, err
	}
	for _, v := range s.Services {
		only = append(only, v.Name)
	}
	return s.Name, append(only, s.Disabled...), nil
}

// printEach prints something of each row, once.
func printEach(rows []ui.PsRow, text func(ui.PsRow) string) {
	var seen []string
	for _, r := range rows {
		if t := ui.Sanitize(text(r)); !slices.Contains(seen, t) {
			seen = append(seen, t)
		}
	}
	for _, t := range seen {
		fmt.Println(t)
	}
}

func (g *globals) psRows(c *cobra.Command, stack string, only []string, all, probes bool) (rows []ui.PsRow, err error) {
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
		row := psRow(x)
		if probes {
			row.Probes = ses.lastProbes(x)
		}
		rows = append(rows, row)
	}
	return rows, err
}

// lastProbes are those of a container that is probed; none if nothing is known yet.
func (s *session) lastProbes(c inspect.Container) (out []ui.PsProbe) {
	if c.Health == "" {
		return nil
	}
	st, err := health.ReadFile(s.dirs, c.ID)
	if err != nil {
		return nil
	}
	for _, r := range st.Results {
		out = append(out, ui.PsProbe{Start: r.Start, End: r.End, ExitCode: r.Exit, Output: r.Output})
	}
	return out
}

func psRow(c inspect.Container) ui.PsRow {
	r := ui.PsRow{
		Name: c.Name, Image: c.Image, Command: strings.Join(c.Args, " "), Project: c.Stack,
		Service: c.Ref.Name, Index: c.Ref.Index, State: stateWord(c), Health: string(c.Health),
		ExitCode: c.ExitCode, Restarts: c.Restarts.Total, Created: c.Created, Started: c.StartedAt, Finished: c.ExitedAt,
		Addresses: c.Addresses, ID: c.ID, Digest: c.Digest, Labels: c.Labels,
	}
	r.LastExit, r.Orphaned = c.Restarts.Exit, c.Task == planner.TaskOrphaned
	if c.Task == planner.TaskStopped || c.Task == planner.TaskNone {
		r.LastExit = c.ExitCode
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
	case c.Task == planner.TaskOrphaned:
		return string(planner.TaskRunning)
	case c.Task == planner.TaskStopped && comesBack(c), c.Task == planner.TaskNone && !c.ExitedAt.IsZero() && comesBack(c),
		c.Starting && c.Restarts.Total > 0: // its task goes just before the next one comes
		return "restarting"
	case c.Task == planner.TaskStopped:
		return "exited"
	case c.StartedAt.IsZero() && !c.Lost, c.Starting:
		return "created"
	default:
		return "exited" // its task is gone
	}
}

// comesBack says whether the policy of a container that has ended has it started again.
func comesBack(c inspect.Container) bool {
	again, _, _ := restart.Decide(c.Service.Restart, c.ExitCode, c.Desired != labels.DesiredRunning, c.Restarts, 0)
	return again
}
