package app

import (
	"context"
	"errors"
	"slices"

	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// AnonymousFinder knows who uses anonymous volumes.
type AnonymousFinder interface {
	// AnonymousUsers gives the IDs of all containers that mount an anonymous
	// volume of a stack, by the volume's name.
	AnonymousUsers(ctx context.Context, stack string) (map[string][]string, error)
}

// Command plans something for the containers that there are of a stack.
type Command func(s *spec.Stack, st planner.State) (*planner.Plan, error)

// Do locks a stack, plans a command on what there is of it, and carries that
// out. asked is called between the two, with a plan that is not empty, and may
// refuse by an error. It may be nil, as may all be that the stack has but its name.
func (a *App) Do(ctx context.Context, s *spec.Stack, c Command, asked func(*planner.Plan) error) (_ *planner.Plan, err error) {
	unlock, err := a.lock(ctx, Down(s.Name))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return a.doUnlocked(ctx, s, c, asked)
}

func (a *App) doUnlocked(ctx context.Context, s *spec.Stack, c Command, asked func(*planner.Plan) error) (*planner.Plan, error) {
	s, err := a.provided(s)
	if err != nil {
		return nil, err
	}
	st, err := a.whatThereIs(ctx, s)
	if err != nil {
		return nil, err
	}
	p, err := c(s, st)
	if err != nil || p.Empty() {
		return p, err
	}
	if asked != nil {
		if err := asked(p); err != nil {
			return p, err
		}
	}
	return p, errors.Join(a.run(ctx, p), a.Helpers.Ensure(context.WithoutCancel(ctx)))
}

// whatThereIs observes a stack's containers; images only for what runs before
// some of them: a command asks no registry about a container that is there.
func (a *App) whatThereIs(ctx context.Context, s *spec.Stack) (planner.State, error) {
	st, err := a.Engine.Observe(ctx, Down(s.Name))
	if err != nil {
		return st, err
	}
	hooked := Down(s.Name)
	for _, v := range planner.Whole(s, st).Services {
		if len(v.PreStart) > 0 {
			hooked.Services = append(hooked.Services, v)
		}
	}
	if len(hooked.Services) == 0 {
		return st, nil
	}
	hooked.Disabled = s.Disabled
	return a.Engine.Observe(ctx, hooked)
}

// Kill is Do for a command that sends signals. It takes no lock unless it removes
// things too: it ends what another command waits for.
func (a *App) Kill(ctx context.Context, s *spec.Stack, kill Command, removes bool, asked func(*planner.Plan) error) (*planner.Plan, error) {
	if removes {
		return a.Do(ctx, s, kill, asked)
	}
	return a.doUnlocked(ctx, s, kill, asked)
}

// StopOnly plans that the containers of the services of only stop, or those of
// all services that the stack has, dependents first.
func StopOnly(o planner.Options) Command {
	return func(s *spec.Stack, st planner.State) (*planner.Plan, error) {
		s = planner.Whole(s, st)
		names := o.Only
		if len(names) == 0 {
			names = []string{}
			for _, v := range s.Services {
				names = append(names, v.Name)
			}
		}
		for _, n := range names {
			if err := known(s, n); err != nil {
				return nil, err
			}
		}
		return planner.MakeStop(st, names, o.Timeout)
	}
}

// Remove plans that containers that do not run are removed, and with stop those
// that do; with volumes also the anonymous volumes that only they use.
func (a *App) Remove(ctx context.Context, stop, volumes bool, o planner.Options) Command {
	return func(s *spec.Stack, st planner.State) (*planner.Plan, error) {
		if volumes {
			var err error
			if st.Users, err = a.Engine.AnonymousUsers(ctx, s.Name); err != nil {
				return nil, err
			}
		}
		return planner.MakeRemove(s, st, stop, o)
	}
}

// Names are the visible names of the containers that a plan removes.
func Names(p *planner.Plan) (out []string) {
	for _, s := range p.Steps {
		i := slices.IndexFunc(p.Prior.Containers, func(c planner.Container) bool { return c.ID == s.Object })
		if s.Op == planner.OpRemove && i >= 0 {
			out = append(out, p.Prior.Containers[i].Name)
		}
	}
	return out
}
