package main

import (
	"errors"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// imageFlags say how images come, for up, create and run.
type imageFlags struct {
	build, noBuild        bool
	pull                  string
	quietBuild, quietPull bool
}

func (f *imageFlags) register(c *cobra.Command) {
	s := c.Flags()
	s.BoolVar(&f.build, "build", false, "build images first, even if nothing that goes into them has changed")
	s.StringVar(&f.pull, "pull", "", "always, missing, never or build: where images come from, over the file's pull_policy")
	s.BoolVar(&f.quietBuild, "quiet-build", false, "show nothing of builds")
	s.BoolVar(&f.quietPull, "quiet-pull", false, "show nothing of pulls")
}

// apply bends how a stack's images come.
func (f imageFlags) apply(s *spec.Stack) error {
	if f.build && f.noBuild {
		return errors.New("--build and --no-build exclude each other")
	}
	if f.pull == "" {
		return nil
	}
	return app.PullBy(s, f.pull)
}

// quiet takes away what is not to be shown of images.
func (f imageFlags) quiet(p ui.Progress) ui.Progress {
	if f.quietBuild {
		p = ui.Without(p, planner.OpBuild)
	}
	if f.quietPull {
		p = ui.Without(p, planner.OpPull, planner.OpLoad)
	}
	return p
}
