package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// Work is what changed files ask of one service.
type Work struct {
	Since   time.Time // of the first save since all of it was tried
	Changed []string  // as the user would write them
	Rebuild bool
	Sync    map[string]string // paths here, by their targets in the container; empty for what has gone
	Restart bool
	Execs   []spec.Hook
	Fill    bool // see to it that containers that were made since have all copies
	Tried   bool // nothing was saved since all of it was tried, and has failed
}

// Empty says whether there is nothing to do.
func (w Work) Empty() bool {
	return !w.Rebuild && len(w.Sync) == 0 && !w.Restart && len(w.Execs) == 0 && !w.Fill
}

// Merge adds later work. What is to be done twice is done once, as things are then.
func (w Work) Merge(later Work) Work {
	if !later.Since.IsZero() && (w.Since.IsZero() || w.Tried && !later.tried() || later.Since.Before(w.Since)) {
		w.Since = later.Since
	}
	w.Tried = w.tried() && later.tried()
	w.Changed = slices.Compact(slices.Sorted(slices.Values(slices.Concat(w.Changed, later.Changed))))
	w.Rebuild, w.Restart, w.Fill = w.Rebuild || later.Rebuild, w.Restart || later.Restart, w.Fill || later.Fill
	w.Sync = maps.Clone(w.Sync)
	if w.Sync == nil {
		w.Sync = map[string]string{}
	}
	maps.Copy(w.Sync, later.Sync)
	w.Execs = slices.Clone(w.Execs)
	for _, h := range later.Execs {
		if !slices.ContainsFunc(w.Execs, func(o spec.Hook) bool { return reflect.DeepEqual(o, h) }) {
			w.Execs = append(w.Execs, h)
		}
	}
	return w
}

func (w Work) tried() bool { return w.Tried || len(w.Changed) == 0 }

// Do does a service's work: builds, copies, restarts and runs, in that order.
// left is what has failed, to be merged into the next work. A failure is told again
// if something was saved since, or if it is another one. build bounds the
// building alone: what replaces a container goes to its end.
func (l *Live) Do(ctx, build context.Context, service string, w Work) (left Work) {
	l.gate.RLock()
	defer l.gate.RUnlock()
	d := doing{l: l, service: service, work: w}
	d.rebuild(ctx, build)
	if build.Err() != nil && ctx.Err() == nil { // stale: it is all done with what made it so
		return w
	}
	d.sync(ctx)
	d.restart(ctx)
	d.execs(ctx)
	if len(d.deeds) > 0 || d.failed != nil {
		a := event.Action{Services: []string{service}, Deeds: d.deeds, Changed: w.Changed, Notes: d.notes}
		if news := l.noteFailure(service, d.failed); news || !w.tried() || len(d.deeds) > 0 {
			l.tell(a, w.Since, d.failed)
		}
	}
	if !d.left.Empty() {
		d.left.Since, d.left.Changed, d.left.Tried = w.Since, w.Changed, true
	}
	return d.left
}

// noteFailure notes what has failed for a service, and reports whether that is not
// what failed the last time.
func (l *Live) noteFailure(service string, err error) (news bool) {
	var text string
	if err != nil {
		text = err.Error()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failures == nil {
		l.failures = map[string]string{}
	}
	news = l.failures[service] != text
	l.failures[service] = text
	return news
}

// doing is one Do under way.
type doing struct {
	l        *Live
	service  string
	work     Work
	deeds    []event.Deed
	notes    []string
	replaced bool
	failed   error
	left     Work
}

func (d *doing) failure(what event.Deed, err error) {
	d.failed = errors.Join(d.failed, fmt.Errorf("%s: %w", what, err))
}

func (d *doing) rebuild(ctx, build context.Context) {
	if !d.work.Rebuild {
		return
	}
	s, o := d.l.Stack(), planner.Options{Only: []string{d.service}, NoDeps: true}
	err := d.l.App.BuildDue(build, s, o)
	if build.Err() != nil {
		return
	}
	var p *planner.Plan
	if err == nil {
		o.NoBuild = true
		p, err = d.l.App.Carry(ctx, s, o, d.l.Consent)
	}
	if err != nil {
		d.failure(event.Rebuilt, err)
		d.left.Rebuild = true
		return
	}
	d.replaced = !p.Empty()
	d.deeds = append(d.deeds, event.Rebuilt)
}

func (d *doing) sync(ctx context.Context) {
	copies := d.l.remember(d.service, d.work.Sync)
	if len(copies) == 0 {
		return
	}
	notes, err := d.l.copyTo(ctx, d.service, d.work.Sync, copies)
	d.notes = append(d.notes, notes...)
	if err != nil {
		d.failure(event.Synced, err)
		d.left.Sync = d.work.Sync
		return
	}
	if len(d.work.Sync) > 0 {
		d.deeds = append(d.deeds, event.Synced)
	}
}

// restart waits for the copies; what they are for is not there without them.
func (d *doing) restart(ctx context.Context) {
	if !d.work.Restart || d.replaced {
		return
	}
	if len(d.left.Sync) > 0 {
		d.left.Restart = true
		return
	}
	o := planner.Options{Only: []string{d.service}}
	_, err := d.l.App.Do(ctx, d.l.Stack(), func(s *spec.Stack, st planner.State) (*planner.Plan, error) {
		return planner.MakeRestart(s, st, o)
	}, nil)
	if err != nil {
		d.failure(event.Restarted, err)
		d.left.Restart = true
		return
	}
	d.deeds = append(d.deeds, event.Restarted)
}

func (d *doing) execs(ctx context.Context) {
	for _, h := range d.work.Execs {
		if len(d.left.Sync) > 0 {
			d.left.Execs = append(d.left.Execs, h)
			continue
		}
		if err := d.l.exec(ctx, d.service, h); err != nil {
			d.failure(event.Ran, err)
			d.left.Execs = append(d.left.Execs, h)
			continue
		}
		d.deeds = append(d.deeds, event.Ran)
	}
}

// exec runs a command in every running replica; what it prints is told if it fails.
func (l *Live) exec(ctx context.Context, service string, h spec.Hook) error {
	list, err := l.App.Ps(ctx, l.Stack().Name, []string{service}, false)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(c inspect.Container) bool { return c.Task == planner.TaskOrphaned })
	return each(list, func(c inspect.Container) error { return l.App.Engine.RunHook(ctx, c.ID, h) })
}
