package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// attachedPoll is how often an attached up looks whether anything still runs.
const attachedPoll = time.Second

// upAttached brings the stack up and shows its logs until the first signal,
// which stops what it brought up gracefully, until nothing runs any more, or
// until a container ends, if that is asked for. The second signal kills it; the
// third ends this program at once.
func (s *session) upAttached(ctx context.Context, g *globals, st *spec.Stack, o planner.Options, f upFlags, p ui.Progress) error {
	kill := g.sigs.second()
	begin := time.Now()
	err := s.carry(ctx, st, o, p)
	if ctx.Err() == nil {
		if err != nil {
			return err
		}
		err = s.attachAborting(ctx, g, kill, st, o, f, begin)
	}
	if ctx.Err() == nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "stopping gracefully (once more to kill)")
	if err := s.stopAll(kill, st, o); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// attachWatching is attach, and keeps the stack as its files are if that is asked for.
func (s *session) attachWatching(ctx context.Context, g *globals, st *spec.Stack, only []string, f upFlags, since time.Time) (err error) {
	if !f.watch {
		return s.attach(ctx, st, only, f, since)
	}
	unlock, err := s.watchAlone(st.Name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		defer cancel() // what cannot be watched is no reason to show logs
		ended <- s.keep(ctx, g, st, f.watching, f.reader(g), only)
	}()
	err = s.attach(ctx, st, only, f, since)
	cancel()
	kept := <-ended
	if cause := context.Cause(ctx); errors.Is(kept, context.Canceled) || kept != nil && errors.Is(kept, cause) {
		kept = nil // that is how it ends
	}
	return errors.Join(err, kept, unlock())
}

// attach follows the logs until ctx ends or all containers have ended, with a
// watch for good: what has ended may be started by the next save.
func (s *session) attach(ctx context.Context, st *spec.Stack, only []string, f upFlags, since time.Time) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		s.waitAllGone(ctx, st.Name, only)
		if f.watch {
			<-ctx.Done()
		}
	}()
	names, all := f.attaching.shown(st, only)
	if all {
		names = nil
	} else if len(names) == 0 {
		<-ctx.Done()
		return nil
	}
	err := s.showLogs(ctx, st.Name, names, logFlags{
		follow: true, times: f.timestamps, noColor: f.noColor, noPrefix: f.noPrefix, since: since,
	}, -1)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// waitAllGone tells of exits, and returns when no container runs and none
// will be restarted.
func (s *session) waitAllGone(ctx context.Context, stack string, only []string) {
	tick := time.NewTicker(attachedPoll)
	defer tick.Stop()
	told := exits{}
	for quiet := 0; quiet < 2; { // twice in a row: a restart may be under way
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		cs, err := s.Ps(ctx, stack, only, true)
		if err != nil {
			continue
		}
		if quiet++; told.tell(os.Stderr, cs) {
			quiet = 0
		}
	}
}

// exits are the ends of runs that were told already, by container.
type exits map[string]time.Time

// tell says which containers have ended since, and whether any still runs or
// will run again.
func (x exits) tell(w io.Writer, cs []inspect.Container) (running bool) {
	for _, c := range cs {
		running = running || c.Task == planner.TaskStopped && comesBack(c)
		switch {
		case c.Task.Runs():
			running = true
		case c.Task == planner.TaskStopped && !x[c.ID].Equal(c.ExitedAt):
			x[c.ID] = c.ExitedAt
			_, _ = fmt.Fprintf(w, "%s exited with code %d\n", ui.Sanitize(c.Name), c.ExitCode)
		}
	}
	return running
}

// stopAll stops what up has brought up, dependents first; kill makes it a kill.
func (s *session) stopAll(kill <-chan struct{}, st *spec.Stack, o planner.Options) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	go func() {
		select {
		case <-kill:
			fmt.Fprintln(os.Stderr, "killing")
			cancel(errKillNow)
		case <-ctx.Done():
		}
	}()
	err := s.Stop(ctx, st, o.Only, o.Timeout)
	if errors.Is(context.Cause(ctx), errKillNow) {
		zero := time.Duration(0)
		return s.Stop(context.Background(), st, o.Only, &zero)
	}
	return err
}

// errKillNow is the cause of a graceful stop that a second signal cut short.
var errKillNow = errors.New("killed by a second signal")
