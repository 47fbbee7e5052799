package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/ui"
)

// statsPause is how long a share of the processors is measured over.
const statsPause = time.Second

type statsFlags struct {
	all, once, whole bool
	format           string
}

func statsCommand(g *globals) *cobra.Command {
	var f statsFlags
	c := &cobra.Command{
		Use:   "stats [SERVICE...]",
		Short: "Show what containers use of processors, memory, network and disks",
		Long: `Show what the running containers use, anew every second until Ctrl-C. Memory is
without what the kernel would give back at once.`,
		Example: `  stackup stats
  stackup stats --no-stream --format json
  stackup stats --format 'table {{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}' web`,
		RunE: func(c *cobra.Command, args []string) error { return g.stats(c.Context(), f, args) },
	}
	s := c.Flags()
	s.BoolVarP(&f.all, "all", "a", false, "also containers that do not run")
	s.BoolVar(&f.once, "no-stream", false, "show one state and return")
	s.BoolVar(&f.whole, "no-trunc", false, "do not cut long IDs")
	s.StringVar(&f.format, "format", "table", "table, json, a Go template, or table TEMPLATE")
	return c
}

func (g *globals) stats(ctx context.Context, f statsFlags, only []string) error {
	out, err := ui.NewStats(f.format)
	if err != nil {
		return err
	}
	err = g.onStack(ctx, only, func(ses *session, stack string) error {
		w := &watcher{ses: ses, stack: stack, only: only, f: f, out: out}
		return w.run(ctx)
	})
	if errors.Is(err, errNoEngine) {
		return out.Write(os.Stdout, nil)
	}
	return err
}

// watcher looks at the same containers again and again.
type watcher struct {
	ses   *session
	stack string
	only  []string
	f     statsFlags
	out   *ui.Stats
	last  map[string]inspect.Usage
}

func (w *watcher) run(ctx context.Context) error {
	_, err := w.look(ctx) // shares are of the time since then
	for err == nil {
		select {
		case <-ctx.Done():
			return nil // Ctrl-C is how it ends
		case <-time.After(statsPause):
		}
		var rows []ui.StatsRow
		if rows, err = w.look(ctx); err == nil {
			err = w.show(rows)
		}
		if w.f.once {
			break
		}
	}
	if ctx.Err() != nil && !w.f.once {
		return nil
	}
	return err
}

func (w *watcher) look(ctx context.Context) ([]ui.StatsRow, error) {
	list, err := w.ses.Ps(ctx, w.stack, w.only, w.f.all)
	if err != nil {
		return nil, err
	}
	now, err := w.ses.engine.Usage(ctx, list)
	if err != nil {
		return nil, err
	}
	memory := machineMemory()
	var rows []ui.StatsRow
	for _, c := range list {
		u, known := now[c.ID]
		rows = append(rows, ui.StatsRow{
			ID: w.id(c.ID), Name: c.Name, Known: known, CPU: share(w.last[c.ID], u), Memory: u.Memory, Limit: min(u.Limit, memory),
			Received: u.Received, Sent: u.Sent, Read: u.Read, Written: u.Written, PIDs: u.PIDs,
		})
	}
	w.last = now
	return rows, nil
}

// share is what was used of one processor between two looks, in per cent.
func share(before, now inspect.Usage) float64 {
	span := now.At.Sub(before.At)
	if before.At.IsZero() || span <= 0 || now.CPU < before.CPU {
		return 0
	}
	return 100 * float64(now.CPU-before.CPU) / float64(span)
}

// shownID is how much of an ID a table shows.
const shownID = 24

func (w *watcher) id(id string) string {
	if r := []rune(id); len(r) > shownID && !w.f.whole {
		return string(r[:shownID-1]) + "…"
	}
	return id
}

// show writes the rows; on a terminal a table takes the place of the last one.
func (w *watcher) show(rows []ui.StatsRow) error {
	var b bytes.Buffer
	if w.out.Table() && !w.f.once && isTerminal(os.Stdout) {
		b.WriteString("\x1b[H\x1b[2J")
	}
	if err := w.out.Write(&b, rows); err != nil {
		return err
	}
	_, err := os.Stdout.Write(b.Bytes())
	return err
}

// machineMemory bounds what a container without a limit may use.
func machineMemory() uint64 {
	var i unix.Sysinfo_t
	if err := unix.Sysinfo(&i); err != nil {
		return 0
	}
	return uint64(i.Totalram) * uint64(i.Unit)
}
