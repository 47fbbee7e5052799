package app

import (
	"context"
	"fmt"
	"slices"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/planner"
)

// Ps lists the containers of a stack: those that have a task, or all. Of
// several incarnations of one replica the older ones are shown only if they run.
func (a *App) Ps(ctx context.Context, stack string, services []string, all bool) ([]inspect.Container, error) {
	cs, err := a.Engine.List(ctx, stack)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(cs, func(c inspect.Container) bool {
		if len(services) > 0 && !slices.Contains(services, c.Ref.Name) {
			return true
		}
		if c.Ref.Index == planner.OneOff && !all {
			return true
		}
		return !c.Task.Runs() && !all
	}), nil
}

// Replica gives a container of a service that has a task and is no one-off: that
// of a replica, or the lowest one for index 0.
func (a *App) Replica(ctx context.Context, stack, service string, index int) (inspect.Container, error) {
	cs, err := a.Ps(ctx, stack, []string{service}, false)
	for _, c := range cs {
		if c.Task != planner.TaskOrphaned && (index == 0 || c.Ref.Index == index) {
			return c, nil
		}
	}
	if err == nil {
		err = notRunning(service, index)
	}
	return inspect.Container{}, err
}

// Find gives the running container of a service's replica, the lowest one for index 0.
func (a *App) Find(ctx context.Context, stack, service string, index int) (inspect.Container, error) {
	cs, err := a.Engine.List(ctx, stack)
	if err != nil {
		return inspect.Container{}, err
	}
	for _, c := range cs {
		if c.Ref.Name == service && c.Task == planner.TaskRunning && c.Ref.Index != planner.OneOff && (index == 0 || c.Ref.Index == index) {
			return c, nil
		}
	}
	return inspect.Container{}, notRunning(service, index)
}

func notRunning(service string, index int) error {
	if index > 0 {
		return fmt.Errorf("service %q is not running container #%d", service, index)
	}
	return fmt.Errorf("service %q is not running", service)
}
