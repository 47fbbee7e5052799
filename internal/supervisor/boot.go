package supervisor

import (
	"context"
	"slices"
	"time"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

const (
	bootLook = 200 * time.Millisecond // how often it is looked whether dependencies are there
	bootWait = 2 * time.Minute        // and how long at most
)

// awaitDependencies waits, after a start of the machine, until what a container
// depends on is there again, as far as somebody brings that back. It does not
// wait for ever: without it the container is better off than not at all.
func (s *Supervisor) awaitDependencies(ctx context.Context, c inspect.Container) {
	for end := time.Now().Add(bootWait); ctx.Err() == nil && time.Now().Before(end); pause(ctx, bootLook) {
		all, err := s.Engine.List(ctx, c.Stack)
		if err == nil && !slices.ContainsFunc(c.Service.DependsOn, func(d spec.Dependency) bool { return missing(all, d) }) {
			return
		}
	}
}

// missing says whether a container is still to come that is depended on.
func missing(all []inspect.Container, d spec.Dependency) bool {
	return slices.ContainsFunc(all, func(o inspect.Container) bool {
		if o.Ref.Name != d.Service || o.Ref.Index == planner.OneOff || d.Condition == spec.Completed {
			return false
		}
		comes := o.Desired == labels.DesiredRunning && restart.Ever(o.Service.Restart)
		there := o.Task == planner.TaskRunning && (d.Condition != spec.Healthy || o.Health == planner.HealthHealthy)
		return comes && !there
	})
}
