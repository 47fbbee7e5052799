package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// abortFlags say when the end of a container ends an attached up.
type abortFlags struct {
	onExit, onFailure bool
	codeFrom          string
}

func (f *abortFlags) register(c *cobra.Command) {
	s := c.Flags()
	s.BoolVar(&f.onExit, "abort-on-container-exit", false, "stop everything when a container ends, and exit with its exit code")
	s.BoolVar(&f.onFailure, "abort-on-container-failure", false, "the same when one ends with another exit code than 0")
	s.StringVar(&f.codeFrom, "exit-code-from", "", "exit with the exit code of this service; implies --abort-on-container-exit")
}

func (f abortFlags) asked() bool { return f.onExit || f.onFailure || f.codeFrom != "" }

func (f abortFlags) check(s *spec.Stack) error {
	if f.onFailure && (f.onExit || f.codeFrom != "") {
		return errors.New("--abort-on-container-failure excludes --abort-on-container-exit and --exit-code-from")
	}
	if f.codeFrom == "" {
		return nil
	}
	return services(s, []string{f.codeFrom})
}

// ends says whether the end of a container is one to stop for. One that others
// wait for to complete has done its work.
func (f abortFlags) ends(st *spec.Stack, c inspect.Container, code int) bool {
	if code != 0 {
		return true
	}
	return !f.onFailure && !st.OneShots()[c.Ref.Name]
}

// attachAborting is attachWatching, and stops everything when a container ends,
// if that is asked for: the output is shown until all have ended.
func (s *session) attachAborting(ctx context.Context, g *globals, kill <-chan struct{}, st *spec.Stack, o planner.Options, f upFlags, since time.Time) error {
	if !f.aborting.asked() {
		return s.attachWatching(ctx, g, st, o.Only, f, since)
	}
	showing, hide := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		defer hide()
		ended <- s.abort(ctx, kill, st, o, f.aborting)
		time.Sleep(lastWords)
	}()
	err := s.attachWatching(showing, g, st, o.Only, f, since)
	return errors.Join(err, <-ended)
}

// abort waits for such an end, and stops the rest. It gives the exit code.
func (s *session) abort(ctx context.Context, kill <-chan struct{}, st *spec.Stack, o planner.Options, f abortFlags) error {
	first := "" // to end for a reason
	code, err := s.WaitEnded(ctx, st.Name, withContainers(st, o.Only), func(c inspect.Container, code int) bool {
		if f.ends(st, c, code) {
			first = c.Name
		}
		return first != ""
	})
	if err != nil || ctx.Err() != nil || first == "" {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s exited with code %d: stopping everything\n", ui.Sanitize(first), code)
	if err := s.stopAll(kill, st, o); err != nil {
		return err
	}
	if f.codeFrom != "" {
		if code, err = s.exitCodeOf(ctx, st.Name, f.codeFrom); err != nil {
			return err
		}
	}
	if code != 0 {
		return exitCode(code)
	}
	return nil
}

// withContainers are the services of an up that have containers which run.
func withContainers(st *spec.Stack, only []string) []string {
	return slices.DeleteFunc(app.Scope(st, only), func(name string) bool {
		return st.Service(name).Replicas == 0 // as have jobs and what has a provider
	})
}

// exitCodeOf is that of a service's first replica.
func (s *session) exitCodeOf(ctx context.Context, stack, service string) (int, error) {
	cs, err := s.Ps(ctx, stack, []string{service}, true)
	if err != nil {
		return 0, err
	}
	for _, c := range cs {
		if c.Ref.Index == 1 {
			return c.ExitCode, nil
		}
	}
	return 0, fmt.Errorf("--exit-code-from %s: the service has no container", service)
}
