package app

import (
	"context"
	"maps"
	"strconv"
	"time"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/chronicle"
	"stackup.dev/stackup/planner"
)

// walk carries a plan out, and notes its beginning and its end.
func (a *App) walk(ctx context.Context, p *planner.Plan) (*executor.Report, error) {
	if p.Empty() {
		return a.executor().Run(ctx, p)
	}
	a.note(p, "begin", nil)
	r, err := a.executor().Run(ctx, p)
	a.note(p, "end", ending(ctx, r))
	return r, err
}

// ending is how it went: done, failed, or interrupted.
func ending(ctx context.Context, r *executor.Report) map[string]string {
	if r == nil { // it was not in order
		return map[string]string{"outcome": "failed"}
	}
	outcome := "done"
	switch {
	case ctx.Err() != nil:
		outcome = "interrupted"
	case r.Failed > 0:
		outcome = "failed"
	}
	return map[string]string{"outcome": outcome, "done": strconv.Itoa(r.Done), "failed": strconv.Itoa(r.Failed)}
}

func (a *App) note(p *planner.Plan, action string, more map[string]string) {
	e := chronicle.Entry{
		Time: time.Now(), Type: chronicle.Plan, Stack: p.Stack, ID: p.Stack, Action: action,
		Attributes: map[string]string{"command": a.Command, "steps": strconv.Itoa(len(p.Steps))},
	}
	maps.Copy(e.Attributes, more)
	if err := (chronicle.Book{Path: a.Dirs.Events()}).Note(e); err != nil {
		a.Log.Warn("a plan is not noted", "stack", p.Stack, "err", err)
	}
}
