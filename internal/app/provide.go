package app

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"stackup.dev/stackup/internal/provider"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// providers is where it is recorded what other programs have stood up.
func (a *App) providers() provider.Store { return provider.Store{Dir: a.Dirs.Providers()} }

func (a *App) tell(line string) {
	if a.Tell != nil {
		a.Tell(line)
	}
}

// provide has other programs stand up what the services to bring up depend on,
// before these are planned: their environment comes from it.
func (a *App) provide(ctx context.Context, s *spec.Stack, o planner.Options) error {
	if o.Alone {
		return nil
	}
	only := o.Only
	if o.For != "" {
		only = []string{o.For}
	}
	for _, name := range Scope(s, only) {
		v := s.Service(name)
		if v == nil || v.Provider == nil {
			continue
		}
		if err := a.providers().Up(ctx, s.Name, name, *v.Provider, a.tell); err != nil {
			return err
		}
	}
	return a.orphaned(ctx, s, o)
}

// orphaned takes down what was stood up for services that have left the file, or
// tells of it.
func (a *App) orphaned(ctx context.Context, s *spec.Stack, o planner.Options) error {
	known, err := a.providers().Records(s.Name)
	if some := len(o.Only) > 0 || o.For != ""; err != nil || some && !o.RemoveOrphans {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if v := s.Service(name); v != nil && v.Provider != nil || slices.Contains(s.Disabled, name) {
			continue
		}
		if !o.RemoveOrphans {
			a.tell(fmt.Sprintf("service %s was stood up by %s and has left the file (--remove-orphans takes it down)", name, known[name].Provider.Type))
			continue
		}
		if err := a.providers().Down(ctx, s.Name, a.tell, name); err != nil {
			return err
		}
	}
	return nil
}

// provided is the stack with what is known of that.
func (a *App) provided(s *spec.Stack) (*spec.Stack, error) {
	if !slices.ContainsFunc(s.Services, func(v spec.Service) bool { return v.Provider != nil }) {
		return s, nil
	}
	known, err := a.providers().Records(s.Name)
	return provider.Apply(s, known), err
}

// unprovide has it taken down for some services, or for all, once no container
// needs it.
func (a *App) unprovide(ctx context.Context, stack string, only []string, err error) error {
	if err != nil {
		return err
	}
	return a.providers().Down(ctx, stack, a.tell, only...)
}
