package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"stackup.dev/stackup/bench/internal/report"
	"stackup.dev/stackup/bench/internal/tool"
)

// round gives every tool its turn at every size.
func (r *run) round(ctx context.Context, i int) {
	for _, n := range r.sizes {
		for _, name := range r.ordered {
			if n <= common || name == report.Ours {
				r.turn(ctx, i, name, report.ID{Kind: report.Up, N: n}, func(s *sequence) error { return s.all(ctx) })
			}
		}
	}
	for _, name := range r.ordered {
		if slices.Contains(r.kinds, report.Nginx) {
			r.turn(ctx, i, name, report.ID{Kind: report.Nginx, N: 1}, func(s *sequence) error { return s.nginx(ctx) })
		}
	}
	if slices.Contains(r.kinds, report.Plan) && slices.Contains(r.ordered, report.Ours) {
		r.turn(ctx, i, report.Ours, report.ID{Kind: report.Plan, N: 1000}, func(s *sequence) error { return s.plan(ctx) })
	}
}

// turn lets one tool do one sequence. If it fails it is told, and the tool
// does not try that again.
func (r *run) turn(ctx context.Context, i int, name string, id report.ID, do func(*sequence) error) {
	key := name + " " + id.String()
	if r.over[key] || ctx.Err() != nil {
		return
	}
	syscall.Sync() // what one tool wrote, the next shall not wait for
	time.Sleep(rest)
	begun := time.Now()
	note := func(id report.ID, v float64) { r.note(id, name, v) }
	var err error
	switch t := r.known[name].(type) {
	case *tool.Compose:
		err = do(&sequence{run: r, tool: t, n: id.N, note: note})
	case *tool.Floor:
		if id.Kind == report.Up {
			err = floor(ctx, t, id.N, note)
		}
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", key, err)
		r.result.Miss(id, name, err)
	}
	r.over[key] = err != nil || i+1 >= few && time.Since(begun) >= slow
}

func (r *run) note(id report.ID, name string, v float64) {
	if !slices.Contains(r.kinds, id.Kind) {
		return
	}
	r.result.Add(id, name, v)
	if r.verbose {
		fmt.Fprintf(os.Stderr, "%-12s %-28s %.3f\n", name, id, v)
	}
}
