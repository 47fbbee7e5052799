package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// Stop stops what Up brings up: the running containers of the file's services,
// or of those named and all they depend on; dependents before what they depend
// on. It removes nothing. timeout, if not nil, overrides the services' own grace.
func (a *App) Stop(ctx context.Context, s *spec.Stack, only []string, timeout *time.Duration) (err error) {
	unlock, err := a.lock(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	st, err := a.Engine.Observe(ctx, &spec.Stack{Name: s.Name})
	if err != nil {
		return err
	}
	p, err := planner.MakeStop(st, Scope(s, only), timeout)
	if err != nil {
		return err
	}
	return carried(a.walk(ctx, p))
}

// Scope is what an Up of these services brings up.
func Scope(s *spec.Stack, only []string) []string {
	if len(only) == 0 {
		for _, v := range s.Services {
			only = append(only, v.Name)
		}
	}
	out := []string{}
	var include func(string)
	include = func(name string) {
		v := s.Service(name)
		if v == nil || slices.Contains(out, name) {
			return
		}
		out = append(out, name)
		for _, d := range v.DependsOn {
			include(d.Service)
		}
	}
	for _, name := range only {
		include(name)
	}
	return out
}
