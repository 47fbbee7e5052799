package app

import (
	"context"
	"slices"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// PushOptions bend what Push gives away.
type PushOptions struct {
	Only         []string // services; empty for all
	Dependencies bool     // what Only depends on, too
	KeepGoing    bool     // an image that cannot be pushed is no error
}

// Push gives the images that the stack builds to their registries, under all
// their tags, several at a time. Images that are not built here are left out: a
// registry has them.
func (a *App) Push(ctx context.Context, s *spec.Stack, o PushOptions) (pushed, failed []string, err error) {
	names, err := asked(s, o.Only, o.Dependencies)
	if err != nil {
		return nil, nil, err
	}
	p := pushes(s, names)
	if p.Empty() {
		return nil, nil, nil
	}
	r, err := a.walk(ctx, p)
	pushed, failed = imagesThat(p, r, executor.Done), imagesThat(p, r, executor.Failed)
	if o.KeepGoing && ctx.Err() == nil && len(failed) > 0 {
		return pushed, failed, nil
	}
	return pushed, failed, carried(r, err)
}

func pushes(s *spec.Stack, services []string) *planner.Plan {
	var refs []string
	for _, name := range services {
		if v := s.Service(name); v != nil && v.Build != nil {
			refs = append(append(refs, v.Image), v.Build.Tags...)
		}
	}
	slices.Sort(refs)
	p := &planner.Plan{Desired: s, Stack: s.Name}
	for _, ref := range slices.Compact(refs) {
		p.Steps = append(p.Steps, imageStep(planner.OpPush, ref))
	}
	return p
}
