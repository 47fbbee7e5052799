package main

import (
	"context"
	"errors"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/internal/inspect"
)

// onStack connects for a command that looks at what there is, of all services
// or of those of only. There is none to look at where there never was an engine.
func (g *globals) onStack(ctx context.Context, only []string, do func(ses *session, stack string) error) (err error) {
	stack, err := g.stackName(ctx, only)
	if err != nil {
		return err
	}
	ses, err := g.connect(ctx, wantIfThere, event.Discard)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ses.Close()) }()
	return do(ses, stack)
}

// live are the containers of a stack that have processes.
func (s *session) live(ctx context.Context, stack string, only []string) ([]inspect.Container, error) {
	return s.Ps(ctx, stack, only, false)
}
