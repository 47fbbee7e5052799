// Package app holds the use cases: what each command does, free of flags,
// terminals and renderers.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// Engine is what the use cases ask of containerd.
type Engine interface {
	executor.Engine
	Observe(ctx context.Context, s *spec.Stack) (planner.State, error)
	// Lease keeps what is pulled until release is called; Unlease takes away
	// what a killed run has left of that.
	Lease(ctx context.Context, stack string) (_ context.Context, release func(context.Context) error, _ error)
	Unlease(ctx context.Context, stack string) error
	// Expect says what is about to be asked for, so that the engine may make
	// ready what takes time. It does not wait, and what it cannot do is tried
	// again when it is asked for.
	Expect(ctx context.Context, p *planner.Plan)
	List(ctx context.Context, stack string) ([]inspect.Container, error)
	Exec(ctx context.Context, id string, p inspect.Process) (int, error)
	// RunHook runs a command in a container that runs. One that fails is an error,
	// with what it printed last.
	RunHook(ctx context.Context, id string, h spec.Hook) error
	Runner
	Copier
	// CheckBuild gives what is to be said of a build's Dockerfile: nothing if all is
	// well. Nothing is built.
	CheckBuild(ctx context.Context, b executor.BuildSpec) (warnings string, err error)
	// EndBuilds is called when the builds of a run are over.
	EndBuilds() error
	// SweepBuilds takes away what builds of a killed command have left.
	SweepBuilds(ctx context.Context) error
	ImageFinder
	VolumeFinder
	AnonymousFinder
	Ender
}

// Helpers are the processes that outlive a command.
type Helpers interface {
	// Ensure starts those that do not run. It does not wait for them.
	Ensure(ctx context.Context) error
}

// App carries out use cases on one engine.
type App struct {
	Engine  Engine
	Helpers Helpers
	Dirs    statedir.Dirs
	Events  event.Sink
	Log     *slog.Logger
	// Waiting, if not nil, is told who holds the lock that a command waits for.
	Waiting func(stack string, h statedir.Holder)
	// Tell, if not nil, is told what programs say that stand up services.
	Tell func(line string)
	// Parallel is how many engine calls are in flight; 0 for the default.
	Parallel int
	// Command is what the record of plans says of who carries them out.
	Command string
	// Builds bends all builds.
	Builds executor.BuildOptions
}

// leaseTimeout bounds the giving back of a lease after a run.
const leaseTimeout = 10 * time.Second

// Plan says what Up would do. It touches nothing and takes no lock.
func (a *App) Plan(ctx context.Context, s *spec.Stack, o planner.Options) (*planner.Plan, error) {
	seen := s
	if o.Down { // no image is needed, no port
		seen = Down(s.Name)
	}
	s, err := a.provided(s)
	if err != nil {
		return nil, err
	}
	st, err := a.Engine.Observe(ctx, seen)
	if err != nil {
		return nil, err
	}
	if o.RenewVolumes {
		if st.Users, err = a.Engine.AnonymousUsers(ctx, s.Name); err != nil {
			return nil, err
		}
	}
	return planner.Make(s, st, o)
}

// Carry locks a stack, plans and carries the plan out. planned is called
// between the two and may refuse by an error.
func (a *App) Carry(ctx context.Context, s *spec.Stack, o planner.Options, planned func(*planner.Plan) error) (_ *planner.Plan, err error) {
	unlock, err := a.lock(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if !o.Down {
		if err := a.provide(ctx, s, o); err != nil {
			return nil, err
		}
	}
	p, err := a.Plan(ctx, s, o)
	if err != nil {
		return nil, err
	}
	if planned != nil {
		if err := planned(p); err != nil {
			return p, err
		}
	}
	if p, err = a.imagesFirst(ctx, s, o, p); err != nil {
		return p, err
	}
	if o.Down { // even with nothing to do: a killed run may have left things
		err := a.unprovide(ctx, p.Stack, o.Only, a.runUnlessEmpty(ctx, p))
		return p, errors.Join(err, a.Engine.Unlease(ctx, p.Stack), a.Engine.SweepBuilds(ctx), a.Dirs.Sweep())
	}
	// The engine asks for the helpers at each start. Once more after the run:
	// one may have been about to end, or have died since the last command.
	return p, errors.Join(a.runUnlessEmpty(ctx, p), a.Helpers.Ensure(context.WithoutCancel(ctx)))
}

// imagesFirst carries out the builds of a plan, and plans the rest anew: a
// container whose image comes out the same is left alone.
func (a *App) imagesFirst(ctx context.Context, s *spec.Stack, o planner.Options, p *planner.Plan) (*planner.Plan, error) {
	first := p.Ahead()
	if first.Empty() {
		return p, nil
	}
	if err := errors.Join(a.run(ctx, first), a.Engine.EndBuilds()); err != nil {
		return p, err
	}
	o.NoBuild = true
	return a.Plan(ctx, s, o)
}

// BuildDue builds what a plan would build first, and does nothing else.
func (a *App) BuildDue(ctx context.Context, s *spec.Stack, o planner.Options) (err error) {
	unlock, err := a.lock(ctx, Down(s.Name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	p, err := a.Plan(ctx, s, o)
	if err != nil || p.Ahead().Empty() {
		return err
	}
	return errors.Join(a.run(ctx, p.Ahead()), a.Engine.EndBuilds())
}

// Build builds the images of the services that have a build, of all or of those
// named, whether it is due or not. Nothing is started or replaced.
func (a *App) Build(ctx context.Context, s *spec.Stack, only []string) (_ *planner.Plan, err error) {
	unlock, err := a.lock(ctx, Down(s.Name))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	p, err := planner.Builds(s, planner.State{Stack: s.Name, Images: unseen(s)}, only)
	if err != nil {
		return nil, err
	}
	return p, errors.Join(a.runUnlessEmpty(ctx, p), a.Engine.EndBuilds())
}

// Checked is what is to be said of the Dockerfile of an image.
type Checked struct {
	Image    string
	Warnings string // empty if all is well
}

// CheckBuilds looks at the Dockerfiles of the services that have a build, of all
// or of those named. Nothing is built.
func (a *App) CheckBuilds(ctx context.Context, s *spec.Stack, only []string) (out []Checked, err error) {
	p, err := planner.Builds(s, planner.State{Stack: s.Name, Images: unseen(s)}, only)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Engine.EndBuilds()) }()
	for _, step := range p.Steps {
		b, err := executor.BuildFor(p, step)
		if err != nil {
			return out, err
		}
		b.Options = a.Builds
		warnings, err := a.Engine.CheckBuild(ctx, b)
		if err != nil {
			return out, fmt.Errorf("image %s: %w", step.Object, err)
		}
		out = append(out, Checked{step.Object, warnings})
	}
	return out, nil
}

// unseen stands for images of which nothing need be known.
func unseen(s *spec.Stack) (out []planner.Image) {
	for _, v := range s.Services {
		out = append(out, planner.Image{Ref: v.Image})
	}
	return out
}

// BuildHere has the images of all services that an up of only brings up, and that
// have a build, come from that, whatever their pull policy says.
func BuildHere(s *spec.Stack, only []string) {
	for _, name := range Built(s, only) {
		v := s.Service(name)
		b := *v.Build
		b.Asked = false
		v.Build, v.Pull = &b, spec.Pull{}
	}
}

// Built names the services that have something to build, of those that an up of
// only brings up.
func Built(s *spec.Stack, only []string) (names []string) {
	for _, name := range Scope(s, only) {
		if v := s.Service(name); v != nil && v.Build != nil {
			names = append(names, name)
		}
	}
	return names
}

func (a *App) runUnlessEmpty(ctx context.Context, p *planner.Plan) error {
	if p.Empty() {
		return nil
	}
	return a.run(ctx, p)
}

// run carries a plan out, under a lease if it brings in images. What else it
// makes needs none: it says by itself that it is to stay.
func (a *App) run(ctx context.Context, p *planner.Plan) error {
	walk := func(ctx context.Context) error { return carried(a.walk(ctx, p)) }
	a.Engine.Expect(ctx, p)
	if !slices.ContainsFunc(p.Steps, func(s planner.Step) bool { return s.Op == planner.OpPull || s.Op == planner.OpLoad }) {
		return walk(ctx)
	}
	return a.leased(ctx, p.Stack, walk)
}

func (a *App) executor() *executor.Executor {
	return &executor.Executor{Engine: a.Engine, Events: a.Events, Log: a.Log, Parallel: a.Parallel, Build: a.Builds}
}

// leased calls do under the stack's lease, and gives that back.
func (a *App) leased(ctx context.Context, stack string, do func(context.Context) error) (err error) {
	leased, release, err := a.Engine.Lease(ctx, stack)
	if err != nil {
		return err
	}
	defer func() {
		rctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseTimeout)
		defer cancel()
		err = errors.Join(err, release(rctx))
	}()
	return do(leased)
}

// StepsError is the failure of steps of a plan. Each of them has been told by
// an event already.
type StepsError struct{ error }

// Unwrap gives the joined errors of the steps.
func (e *StepsError) Unwrap() error { return e.error }

func carried(r *executor.Report, err error) error {
	if err != nil && r != nil && r.Failed > 0 {
		return &StepsError{err}
	}
	return err
}

// lock takes the stack's lock, and those of external networks, whose
// addresses several stacks share, in one order that everybody keeps.
func (a *App) lock(ctx context.Context, s *spec.Stack) (unlock func() error, err error) {
	names := []string{statedir.StackLock(s.Name)}
	for _, n := range s.Networks {
		if n.External {
			names = append(names, "external-"+n.Name)
		}
	}
	slices.Sort(names)
	var held []*statedir.Lock
	unlock = func() error {
		var errs []error
		for i := len(held) - 1; i >= 0; i-- {
			errs = append(errs, held[i].Unlock())
		}
		return errors.Join(errs...)
	}
	for _, n := range names {
		l, err := a.Dirs.Lock(ctx, n, func(h statedir.Holder) {
			if a.Waiting != nil {
				a.Waiting(s.Name, h)
			}
		})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("stack %s: %w", s.Name, err), unlock())
		}
		held = append(held, l)
	}
	return unlock, nil
}

// Down is the desired stack of a stack that shall be gone.
func Down(name string) *spec.Stack { return &spec.Stack{Name: name} }
