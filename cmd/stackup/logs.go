package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/logs"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/planner"
)

type logFlags struct {
	follow, times, noColor, noPrefix bool
	tail                             string
	since                            time.Time // zero: from the beginning
}

func logsCommand(g *globals) *cobra.Command {
	var f logFlags
	c := &cobra.Command{
		Use:   "logs [SERVICE...]",
		Short: "Show what the stack's containers have written",
		Example: `  stackup logs -f
  stackup logs -n 20 -t web`,
		RunE: func(c *cobra.Command, args []string) error { return g.logs(c, f, args) },
	}
	s := c.Flags()
	s.BoolVarP(&f.follow, "follow", "f", false, "go on as more is written")
	s.StringVarP(&f.tail, "tail", "n", "all", "lines from the end of each container's log")
	s.BoolVarP(&f.times, "timestamps", "t", false, "show times")
	s.BoolVar(&f.noColor, "no-color", false, "plain prefixes")
	s.BoolVar(&f.noPrefix, "no-log-prefix", false, "no prefixes")
	return c
}

func (g *globals) logs(c *cobra.Command, f logFlags, only []string) (err error) {
	tail, err := lines(f.tail)
	if err != nil {
		return err
	}
	stack, err := g.stackName(c.Context(), only)
	if err != nil {
		return err
	}
	ses, err := g.connect(c.Context(), wantIfThere, event.Discard)
	if errors.Is(err, errNoEngine) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ses.Close()) }()
	err = ses.showLogs(c.Context(), stack, only, f, tail)
	if f.follow && c.Context().Err() != nil {
		return nil // Ctrl-C is how following ends
	}
	return err
}

// lines reads the value of --tail: a number, or all.
func lines(s string) (int, error) {
	if s == "all" {
		return -1, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("--tail %q: must be a number of lines, or all", s)
	}
	return n, nil
}

// showLogs writes merged logs to standard output and standard error.
func (s *session) showLogs(ctx context.Context, stack string, only []string, f logFlags, tail int) error {
	cs, err := s.Ps(ctx, stack, only, true)
	if err != nil {
		return err
	}
	sources := s.logSources(cs)
	o := logs.Options{Follow: f.follow, Tail: tail, Since: f.since}
	if f.follow { // new replicas and recreated containers join in
		o.Sources = func() []logs.Source {
			if cs, err := s.Ps(ctx, stack, only, true); err == nil {
				sources = s.logSources(cs)
			}
			return sources // as they were while the engine does not answer
		}
	}
	out := logs.NewFormatter(os.Stdout, os.Stderr, logs.Format{
		NoPrefix: f.noPrefix, Timestamps: f.times,
		Color: !f.noColor && ui.UseColor(os.Stdout), Terminal: isTerminal(os.Stdout),
	}, logNames(sources)...)
	return logs.Show(ctx, sources, o, out)
}

func logNames(sources []logs.Source) []string {
	var out []string
	for _, s := range sources {
		out = append(out, s.Name)
	}
	return out
}

func (s *session) logSources(cs []inspect.Container) []logs.Source {
	var out []logs.Source
	for _, c := range cs {
		name := fmt.Sprintf("%s-%d", c.Ref.Name, c.Ref.Index)
		if c.Ref.Index == planner.OneOff {
			name = strings.TrimPrefix(c.Name, c.Stack+"-")
		}
		out = append(out, logs.Source{
			ID: c.ID, Name: name, Dir: filepath.Join(s.dirs.Logs(), c.ID),
		})
	}
	return out
}
