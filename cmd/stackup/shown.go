package main

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/spec"
)

// shownFlags say whose output an attached up shows.
type shownFlags struct {
	only, without []string
	dependencies  bool
}

func (f *shownFlags) register(c *cobra.Command) {
	s := c.Flags()
	s.StringArrayVar(&f.only, "attach", nil, "service whose output to show, may be given several times; of others none is shown")
	s.StringArrayVar(&f.without, "no-attach", nil, "service whose output not to show; may be given several times")
	s.BoolVar(&f.dependencies, "attach-dependencies", false, "show the output of what the services depend on, too")
}

func (f shownFlags) check(s *spec.Stack) error {
	if len(f.only) > 0 && f.dependencies {
		return errors.New("--attach and --attach-dependencies exclude each other")
	}
	return services(s, slices.Concat(f.only, f.without))
}

// shown are the services whose output is: those of --attach, else those named,
// else all but those that say "attach: false". all is for orphans too.
func (f shownFlags) shown(st *spec.Stack, only []string) (names []string, all bool) {
	switch {
	case len(f.only) > 0:
		only = f.only
	case f.dependencies:
		only = app.Scope(st, only)
	case len(only) == 0:
		only = attached(st)
	}
	names = slices.DeleteFunc(slices.Clone(only), func(name string) bool { return slices.Contains(f.without, name) })
	return names, len(names) == len(st.Services)
}

func attached(st *spec.Stack) (out []string) {
	for _, v := range st.Services {
		if !v.Detached {
			out = append(out, v.Name)
		}
	}
	return out
}
