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
	from, to                         string
	since, until                     time.Time // zero: from the beginning, to the end
	index                            int       // 0: all replicas
	format                           string
}

func logsCommand(g *globals) *cobra.Command {
	var f logFlags
	c := &cobra.Command{
		Use:   "logs [SERVICE...]",
		Short: "Show what the stack's containers have written",
		Example: `  stackup logs -f
  stackup logs -n 20 -t web
  stackup logs --since 10m --index 2 web
  stackup logs --format json | jq -r .line`,
		RunE: func(c *cobra.Command, args []string) error { return g.logs(c, f, args) },
	}
	s := c.Flags()
	s.BoolVarP(&f.follow, "follow", "f", false, "go on as more is written")
	s.StringVarP(&f.tail, "tail", "n", "all", "lines from the end of each container's log")
	s.BoolVarP(&f.times, "timestamps", "t", false, "show times")
	s.StringVar(&f.from, "since", "", "from this time on (2026-01-02T15:04:05Z, seconds since 1970), or a span before now (10m)")
	s.StringVar(&f.to, "until", "", "up to this time; likewise")
	s.IntVar(&f.index, "index", 0, "of this replica alone")
	s.StringVar(&f.format, "format", "text", "text, or json: an object for each line")
	s.BoolVar(&f.noColor, "no-color", false, "plain prefixes")
	s.BoolVar(&f.noPrefix, "no-log-prefix", false, "no prefixes")
	return c
}

func (g *globals) logs(c *cobra.Command, f logFlags, only []string) (err error) {
	tail, err := lines(f.tail)
	if err != nil {
		return err
	}
	if err := f.check(time.Now()); err != nil {
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

// check reads times and refuses what makes no sense.
func (f *logFlags) check(now time.Time) error {
	since, err1 := moment("--since", f.from, now)
	until, err2 := moment("--until", f.to, now)
	f.since, f.until = since, until
	switch {
	case f.index < 0:
		return fmt.Errorf("--index %d: replicas are counted from 1", f.index)
	case f.format != "text" && f.format != "json":
		return fmt.Errorf("--format %q: must be text or json", f.format)
	}
	return errors.Join(err1, err2)
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
	sources := s.logSources(cs, f.index)
	o := logs.Options{Follow: f.follow, Tail: tail, Since: f.since, Until: f.until}
	if f.follow { // new replicas and recreated containers join in
		o.Sources = func() []logs.Source {
			if cs, err := s.Ps(ctx, stack, only, true); err == nil {
				sources = s.logSources(cs, f.index)
			}
			return sources // as they were while the engine does not answer
		}
	}
	out := logs.NewFormatter(os.Stdout, os.Stderr, logs.Format{
		NoPrefix: f.noPrefix, Timestamps: f.times, JSON: f.format == "json",
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

// logSources are the logs of containers; of one replica of each service unless
// index is 0.
func (s *session) logSources(cs []inspect.Container, index int) []logs.Source {
	var out []logs.Source
	for _, c := range cs {
		if index != 0 && c.Ref.Index != index {
			continue
		}
		name := fmt.Sprintf("%s-%d", c.Ref.Name, c.Ref.Index)
		if c.Ref.Index == planner.OneOff {
			name = strings.TrimPrefix(c.Name, c.Stack+"-")
		}
		out = append(out, logs.Source{
			ID: c.ID, Name: name, Service: c.Ref.Name, Container: c.Name, Dir: filepath.Join(s.dirs.Logs(), c.ID),
		})
	}
	return out
}
