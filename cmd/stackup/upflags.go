package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

type upFlags struct {
	makingFlags
	detach      bool
	wait        bool
	waitTimeout int
	noStart     bool
	noDeps      bool
	recreateDep bool
	renew       bool
	timeout     int
	timestamps  bool
	noColor     bool
	noPrefix    bool
	watch       bool
	watching    watchFlags
	attaching   shownFlags
	aborting    abortFlags
}

// makingFlags are what up and create have in common.
type makingFlags struct {
	images     imageFlags
	scale      []string
	force      bool
	noRecreate bool
	orphans    bool
	yes        bool
	dryRun     bool
}

func (f *upFlags) register(c *cobra.Command) {
	s := c.Flags()
	s.BoolVarP(&f.detach, "detach", "d", false, "return once everything has started")
	s.BoolVar(&f.wait, "wait", false, "return once everything runs, and is healthy where it has a healthcheck; implies --detach")
	s.IntVar(&f.waitTimeout, "wait-timeout", 0, "seconds that --wait waits at most")
	s.BoolVar(&f.noDeps, "no-deps", false, "leave what the services depend on alone")
	s.BoolVar(&f.noStart, "no-start", false, "make everything, start and replace nothing: as create")
	f.makingFlags.register(c)
	s.BoolVar(&f.recreateDep, "always-recreate-deps", false, "replace what the services depend on even if nothing has changed")
	s.BoolVarP(&f.renew, "renew-anon-volumes", "V", false, "give containers that are replaced new anonymous volumes: the data of the old is lost")
	s.IntVarP(&f.timeout, "timeout", "t", 0, "seconds from stop signal to SIGKILL, over stop_grace_period")
	s.BoolVar(&f.timestamps, "timestamps", false, "show times in attached logs")
	s.BoolVar(&f.noColor, "no-color", false, "plain log prefixes")
	s.BoolVar(&f.noPrefix, "no-log-prefix", false, "no log prefixes")
	s.BoolVarP(&f.watch, "watch", "w", false, "keep the stack as its files are, as watch does, while the logs are shown")
	f.watching.register(c)
	f.attaching.register(c)
	f.aborting.register(c)
}

func (f *makingFlags) register(c *cobra.Command) {
	s := c.Flags()
	f.images.register(c)
	s.BoolVar(&f.images.noBuild, "no-build", false, "build nothing, even if it is due")
	s.StringArrayVar(&f.scale, "scale", nil, "SERVICE=N: number of replicas, over the file's")
	s.BoolVar(&f.force, "force-recreate", false, "replace containers even if nothing has changed")
	s.BoolVar(&f.noRecreate, "no-recreate", false, "leave containers that are there as they are, changed or not")
	s.BoolVar(&f.orphans, "remove-orphans", false, "remove containers of services that the file no longer has")
	s.BoolVarP(&f.yes, "yes", "y", false, "ask nothing")
	s.BoolVar(&f.dryRun, "dry-run", false, dryRunHelp)
}

// check refuses flags that contradict one another.
func (f upFlags) check(s *spec.Stack) error {
	background := f.detach || f.wait || f.noStart
	switch {
	case f.watch && background:
		return errors.New("--watch needs the foreground: it goes with none of --detach, --wait and --no-start (stackup watch does without logs)")
	case f.noRecreate && (f.force || f.recreateDep):
		return errors.New("--no-recreate excludes --force-recreate and --always-recreate-deps")
	case f.yes && f.watching.confirm:
		return errors.New("--yes and --confirm exclude each other")
	case background && f.aborting.asked():
		return errors.New("--abort-on-container-exit, --abort-on-container-failure and --exit-code-from need the foreground: they go with none of --detach, --wait and --no-start")
	case f.watch && f.aborting.asked():
		return errors.New("--watch goes on when a container ends: it excludes --abort-on-container-exit, --abort-on-container-failure and --exit-code-from")
	}
	return errors.Join(f.attaching.check(s), f.aborting.check(s))
}

func (f upFlags) options(c *cobra.Command, only []string) planner.Options {
	return planner.Options{
		Only: only, NoBuild: f.images.noBuild, NoStart: f.noStart, NoDeps: f.noDeps, ForceRecreate: f.force, NoRecreate: f.noRecreate,
		RecreateDeps: f.recreateDep, RenewVolumes: f.renew, RemoveOrphans: f.orphans, Wait: f.wait, Timeout: seconds(c, "timeout", f.timeout),
	}
}

// reader reads the stack with what the flags put over it.
func (f upFlags) reader(g *globals) func(context.Context) (*spec.Stack, error) {
	return func(ctx context.Context) (*spec.Stack, error) {
		s, err := g.load(ctx)
		if err != nil {
			return nil, err
		}
		return s, f.bend(g, s)
	}
}

// bend puts the flags over what the files say.
func (f upFlags) bend(g *globals, s *spec.Stack) error {
	return errors.Join(scale(s, f.scale, g.maxReplicas), f.images.apply(s))
}
