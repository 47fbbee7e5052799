package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// Runner runs one-off containers.
type Runner interface {
	// Run starts a container with its streams at hand, waits for its end and
	// gives its exit code. When ctx ends it stops the container, within its grace.
	Run(ctx context.Context, id string, p inspect.Process) (int, error)
	// RemoveRun takes a one-off container away, with what only it has.
	RemoveRun(ctx context.Context, id string) error
}

// RunOptions say what a one-off container is to be.
type RunOptions struct {
	Service spec.Service // as it shall run, by the name of one of the stack
	Name    string       // visible name; empty for one that nobody else has
	Alone   bool         // leave what the service depends on alone
	Detach  bool         // return once it has started; its output is collected
	Remove  bool         // take it away when it has ended
	Aliases bool         // it answers by the service's names too
	// RemoveOrphans takes containers away whose services the file no longer has.
	RemoveOrphans bool
	// Streams are what the container reads and writes, and may be changed by
	// Ready.
	Streams *inspect.Process
	// Kill, if it is closed while the container runs, has it end at once.
	Kill <-chan struct{}
	// Planned is called before anything is touched, Ready before the streams
	// are passed on. Both may be nil.
	Planned, Ready func() error
}

// Run brings up what a service depends on, then one more container of it that is
// none of its replicas, and gives its name and its exit code. When ctx ends the
// container is stopped, within its grace.
func (a *App) Run(ctx context.Context, s *spec.Stack, o RunOptions) (name string, code int, err error) {
	c, err := a.makeRun(ctx, s, o)
	if o.Remove && c.ID != "" {
		defer func() {
			after, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
			defer cancel()
			err = errors.Join(err, a.Engine.RemoveRun(after, c.ID))
		}()
	}
	if err != nil {
		return "", 0, err
	}
	if o.Detach {
		return c.Name, 0, a.Engine.Start(ctx, c.ID)
	}
	if err := call(o.Ready); err != nil {
		return c.Name, 0, err
	}
	over := make(chan struct{})
	var killing sync.WaitGroup
	killing.Go(func() {
		select {
		case <-over:
		case <-o.Kill:
			if err := a.Engine.Kill(context.WithoutCancel(ctx), c.ID, "SIGKILL"); err != nil {
				a.Log.Warn("kill a one-off container", "id", c.ID, "err", err)
			}
		}
	})
	code, err = a.Engine.Run(ctx, c.ID, *o.Streams)
	close(over)
	killing.Wait()
	return c.Name, code, err
}

// undoTime bounds what comes after a one-off container has ended.
const undoTime = 30 * time.Second

// makeRun does all that needs the stack's lock: it is free again when the
// container starts.
func (a *App) makeRun(ctx context.Context, s *spec.Stack, o RunOptions) (c executor.ContainerSpec, err error) {
	unlock, err := a.lock(ctx, s)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	before := planner.Options{For: o.Service.Name, Alone: o.Alone, RemoveOrphans: o.RemoveOrphans}
	if err := a.provide(ctx, s, before); err != nil {
		return c, err
	}
	p, err := a.Plan(ctx, s, before)
	if err != nil {
		return c, err
	}
	if err := call(o.Planned); err != nil {
		return c, err
	}
	if p, err = a.imagesFirst(ctx, s, before, p); err != nil {
		return c, err
	}
	if err := errors.Join(a.runUnlessEmpty(ctx, p), a.Helpers.Ensure(context.WithoutCancel(ctx))); err != nil {
		return c, err
	}
	known, err := a.provided(&spec.Stack{Name: s.Name, Services: append(s.Services[:len(s.Services):len(s.Services)], o.Service)})
	if err != nil {
		return c, err
	}
	o.Service = known.Services[len(known.Services)-1]
	if c, err = oneOff(s, p.Prior, o); err != nil {
		return c, err
	}
	return c, a.Engine.Create(ctx, c)
}

// oneOff is the container as it shall be. The image is whatever its name stands
// for now: it has just been brought in.
func oneOff(s *spec.Stack, prior planner.State, o RunOptions) (executor.ContainerSpec, error) {
	var tag [6]byte
	_, _ = rand.Read(tag[:]) // never fails
	run := o.Service.Name + "-run-" + hex.EncodeToString(tag[:])
	stack := *s
	stack.Services = []spec.Service{o.Service}
	c, err := executor.SpecFor(&planner.Plan{Desired: &stack, Prior: prior, Stack: s.Name}, planner.Step{
		Op: planner.OpCreate, Ref: planner.Ref{Kind: planner.KindContainer, Name: o.Service.Name, Index: planner.OneOff},
		Object: planner.ContainerID(s.Name, run, planner.OneOff, 1), Generation: 1,
	})
	c.Name, c.Aliases, c.Reserved, c.Hostname = s.Name+"-"+run, o.Aliases, executor.Reserved(s), executor.HostnameFor(s, &o.Service)
	c.OwnNetwork = executor.OwnNetwork(s, &o.Service)
	if o.Name != "" {
		c.Name = o.Name
	}
	return c, err
}

func call(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

// OneOff is a service as a one-off container of it is: with nothing that only
// one container can have, and not brought back when it ends.
func OneOff(s *spec.Stack, name string) (spec.Service, error) {
	if err := known(s, name); err != nil {
		return spec.Service{}, err
	}
	v := *s.Service(name)
	if v.Job == spec.JobNever {
		return spec.Service{}, fmt.Errorf("job %s says that nobody runs it (triggers.manual: false)", name)
	}
	v.ContainerName, v.Ports, v.Replicas, v.Restart = "", nil, 1, spec.Restart{Policy: spec.RestartNo}
	v.Networks = append([]spec.Attachment(nil), v.Networks...)
	for i := range v.Networks {
		v.Networks[i] = v.Networks[i].Free()
	}
	return v, nil
}
