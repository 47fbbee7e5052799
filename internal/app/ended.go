package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/planner"
)

// Ender knows when containers have ended.
type Ender interface {
	// Ended returns when a container does not run and nobody starts it again by
	// itself, at once if that is so now, with its last exit code.
	Ended(ctx context.Context, id string) (int, error)
}

type ended struct {
	inspect.Container
	code int
	err  error
}

// WaitEnded waits until the containers of some services have ended for good, and
// tells each, until that is enough. code is that of the last one told.
func (a *App) WaitEnded(ctx context.Context, stack string, services []string, tell func(c inspect.Container, code int) (enough bool)) (code int, err error) {
	list, err := a.replicas(ctx, stack, services)
	if err != nil {
		return 0, err
	}
	if err := a.Helpers.Ensure(ctx); err != nil { // without a supervisor nobody starts them again
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ends := make(chan ended, len(list))
	for _, c := range list {
		go func() {
			code, err := a.Engine.Ended(ctx, c.ID)
			ends <- ended{c, code, err}
		}()
	}
	var errs []error
	for range list {
		e := <-ends
		if e.err != nil {
			errs = append(errs, fmt.Errorf("container %s: %w", e.Name, e.err))
			continue
		}
		code = e.code
		if tell(e.Container, e.code) {
			break
		}
	}
	return code, errors.Join(errs...)
}

// replicas are the containers of services, of which each must have one.
func (a *App) replicas(ctx context.Context, stack string, services []string) ([]inspect.Container, error) {
	list, err := a.Ps(ctx, stack, services, true)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(c inspect.Container) bool { return c.Ref.Index == planner.OneOff })
	for _, name := range services {
		if !slices.ContainsFunc(list, func(c inspect.Container) bool { return c.Ref.Name == name }) {
			return nil, fmt.Errorf("service %q has no container", name)
		}
	}
	return list, nil
}
