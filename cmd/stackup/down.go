package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/internal/engine"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

type downFlags struct {
	volumes, orphans, dryRun bool
	images                   string
	timeout                  int
}

func downCommand(g *globals) *cobra.Command {
	var f downFlags
	c := &cobra.Command{
		Use:   "down [SERVICE...]",
		Short: "Stop and remove the stack's containers and networks",
		Long: `Stop and remove the containers and networks of the stack, or the containers of
some services with the networks that nothing else is in, dependents before what
they depend on. Volumes stay unless -v is given.`,
		Example: `  stackup down
  stackup down -v          # with all data
  stackup down --rmi local # with what was built
  stackup -p shop down     # without its file`,
		RunE: func(c *cobra.Command, args []string) error { return g.down(c, f, args) },
	}
	s := c.Flags()
	s.BoolVarP(&f.volumes, "volumes", "v", false, "remove the stack's volumes too: their data is lost")
	s.BoolVar(&f.orphans, "remove-orphans", false, "remove containers of services that the file no longer has")
	s.StringVar(&f.images, "rmi", "", "remove images that nothing else uses: all, or local for those built here without a name of their own")
	s.BoolVar(&f.dryRun, "dry-run", false, dryRunHelp)
	s.IntVarP(&f.timeout, "timeout", "t", 0, "seconds from stop signal to SIGKILL, over stop_grace_period")
	return c
}

func (g *globals) down(c *cobra.Command, f downFlags, only []string) error {
	if f.images != "" && f.images != "all" && f.images != "local" {
		return fmt.Errorf("--rmi %q: must be all or local", f.images)
	}
	ctx := c.Context()
	o := planner.Options{
		Down: true, Only: only, RemoveVolumes: f.volumes, RemoveOrphans: f.orphans, Timeout: seconds(c, "timeout", f.timeout),
	}
	none := func(s *spec.Stack) error {
		fmt.Fprintf(os.Stderr, "stack %s: nothing to remove\n", s.Name)
		return nil
	}
	return g.withStackThere(ctx, none, func(ses *session, s *spec.Stack, p ui.Progress) error {
		if err := services(s, only); err != nil {
			return errors.Join(err, p.Close())
		}
		if f.dryRun {
			return errors.Join(ses.showPlan(ctx, s, o, planFlags{}), p.Close())
		}
		if err := ses.takeDown(ctx, s, o, p); err != nil || f.images == "" {
			return err
		}
		return ses.removeImages(ctx, app.ImagesOf(s, only, f.images == "local"))
	})
}

// removeImages removes those that are here; one that is in use stays, with a note.
func (s *session) removeImages(ctx context.Context, refs []string) error {
	here, err := s.Engine.LocalImages(ctx, refs)
	for _, ref := range refs {
		if here[ref] == "" {
			continue
		}
		if err := s.engine.RemoveImage(ctx, ref, false); err != nil {
			warn([]string{err.Error()})
			continue
		}
		fmt.Fprintf(os.Stderr, "Image %s  Removed\n", ui.Sanitize(ref))
	}
	return err
}

// takeDown takes the stack away and closes the progress.
func (s *session) takeDown(ctx context.Context, st *spec.Stack, o planner.Options, p ui.Progress) error {
	plan, err := s.Carry(ctx, st, o, nil)
	err = errors.Join(err, p.Close())
	if plan != nil {
		warn(plan.Notices)
	}
	if err != nil {
		return err
	}
	if err := (memos{s.dirs}).forget(st.Name); err != nil {
		return err
	}
	if plan.Empty() {
		fmt.Fprintf(os.Stderr, "stack %s: nothing to remove\n", st.Name)
	}
	return s.lastOneOut(ctx, st.Name)
}

// lastOneOut takes away what the containers of a stack share, once there is
// none, and likewise what all stacks share. If somebody is at work on the stack again, it
// is theirs.
func (s *session) lastOneOut(ctx context.Context, stack string) (err error) {
	lock, err := s.dirs.TryLock(statedir.StackLock(stack))
	if statedir.IsLocked(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	left, err := s.engine.Stacks(ctx)
	if err == nil && !slices.Contains(left, stack) {
		err = s.engine.RemoveGroup(ctx, stack)
	}
	if err != nil || len(left) > 0 {
		return err
	}
	s.engine.RemoveShared()
	return engine.Forget(ctx, s.dirs, s.choice, stack)
}
