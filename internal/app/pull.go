package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// ImageFinder knows which images are on this machine.
type ImageFinder interface {
	// LocalImages gives the digests of those of refs that are here, by ref.
	LocalImages(ctx context.Context, refs []string) (map[string]string, error)
}

// PullOptions bend what Pull brings in.
type PullOptions struct {
	Only         []string // services; empty for all
	Dependencies bool     // what Only depends on, too
	Missing      bool     // only what is not on this machine
	KeepGoing    bool     // an image that cannot be pulled is no error
	NotBuilt     bool     // leave images alone that can be built, too
}

// Pulled says what has become of the images that a Pull was asked for.
type Pulled struct {
	Here   []string // were on this machine before
	Pulled []string // came in, or were asked for and found unchanged
	Failed []string // could not be pulled
}

// Pull brings in the images of the stack's services, several at a time. One
// that cannot be had does not keep the others from coming in. The error, a
// StepsError, has the reason for each.
func (a *App) Pull(ctx context.Context, s *spec.Stack, o PullOptions) (out Pulled, err error) {
	refs, err := pullRefs(s, o)
	if err != nil {
		return out, err
	}
	unlock, err := a.lock(ctx, Down(s.Name)) // the lease is the stack's
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	local, err := a.Engine.LocalImages(ctx, refs)
	if err != nil {
		return out, err
	}
	p := &planner.Plan{Desired: s, Stack: s.Name}
	for _, ref := range refs {
		here := local[ref] != ""
		if here {
			out.Here = append(out.Here, ref)
		}
		switch {
		case here && (o.Missing || s.Archive(ref) != ""):
		case s.Archive(ref) != "":
			p.Steps = append(p.Steps, imageStep(planner.OpLoad, ref))
		default:
			p.Steps = append(p.Steps, imageStep(planner.OpPull, ref))
		}
	}
	if p.Empty() {
		return out, nil
	}
	return out, a.leased(ctx, s.Name, func(leased context.Context) error {
		r, err := a.walk(leased, p)
		out.Pulled, out.Failed = imagesThat(p, r, executor.Done), imagesThat(p, r, executor.Failed)
		if o.KeepGoing && ctx.Err() == nil && len(out.Failed) > 0 {
			return nil
		}
		return carried(r, err)
	})
}

// imageStep has no digest: whatever a name stands for now is meant.
func imageStep(op planner.Op, ref string) planner.Step {
	return planner.Step{
		ID: planner.StepID(string(op) + "/" + ref), Op: op, Ref: planner.Ref{Kind: planner.KindImage, Name: ref},
		Object: ref, Reason: planner.Reason{Code: planner.Forced},
	}
}

// imagesThat are the images whose step ended in that way.
func imagesThat(p *planner.Plan, r *executor.Report, ended executor.Outcome) (out []string) {
	for _, s := range p.Steps {
		if r != nil && r.Outcomes[s.ID] == ended {
			out = append(out, s.Object)
		}
	}
	return out
}

// pullRefs are the images to pull, each once, sorted.
func pullRefs(s *spec.Stack, o PullOptions) (refs []string, err error) {
	names, err := asked(s, o.Only, o.Dependencies)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		v := s.Service(name)
		if v.Build == nil || v.Build.Asked && !o.NotBuilt { // what is built here no registry has
			refs = append(refs, v.Image)
		}
		for _, ref := range imagesBeside(v) {
			if !built(s, ref, o.NotBuilt) {
				refs = append(refs, ref)
			}
		}
	}
	return onceEach(refs), nil
}

// imagesBeside are those that a service needs beside its own.
func imagesBeside(v *spec.Service) []string {
	refs := v.MountedImages()
	for _, h := range v.PreStart {
		refs = append(append(refs, h.Service.Image), h.Service.MountedImages()...)
	}
	return refs
}

// onceEach sorts refs; what is no container has none.
func onceEach(refs []string) []string {
	slices.Sort(refs)
	return slices.DeleteFunc(slices.Compact(refs), func(ref string) bool { return ref == "" })
}

// ImagesOf are the images of services, of all for none, or of those only that are
// built here and go by the name that the service gives them.
func ImagesOf(s *spec.Stack, only []string, unnamed bool) (refs []string) {
	for _, v := range s.Services {
		switch {
		case len(only) > 0 && !slices.Contains(only, v.Name):
		case unnamed && v.Build != nil && v.Image == spec.BuiltImage(s.Name, v.Name):
			refs = append(refs, v.Image)
		case !unnamed:
			refs = append(append(refs, v.Image), imagesBeside(&v)...)
		}
	}
	return onceEach(refs)
}

// built says whether a service of the stack builds an image, or can.
func built(s *spec.Stack, ref string, can bool) bool {
	return slices.ContainsFunc(s.Services, func(v spec.Service) bool { return v.Image == ref && v.Build != nil && (can || !v.Build.Asked) })
}

// asked are the services named, with what they depend on if that is wished for;
// all for none.
func asked(s *spec.Stack, only []string, dependencies bool) ([]string, error) {
	for _, name := range only {
		if err := known(s, name); err != nil {
			return nil, err
		}
	}
	if dependencies || len(only) == 0 {
		return Scope(s, only), nil
	}
	return only, nil
}

// known says why a service that is asked for is not there, if so.
func known(s *spec.Stack, name string) error {
	switch {
	case s.Service(name) != nil:
		return nil
	case slices.Contains(s.Disabled, name):
		return fmt.Errorf("service %s: left out by its profiles (ask for one of them with --profile)", name)
	default:
		return fmt.Errorf("service %s: no such service in stack %s", name, s.Name)
	}
}
