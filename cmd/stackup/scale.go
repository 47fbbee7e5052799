package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func scaleCommand(g *globals) *cobra.Command {
	f := upFlags{detach: true}
	c := &cobra.Command{
		Use:   "scale SERVICE=N...",
		Short: "Set how many containers services have",
		Long: `Start or remove containers until the services have as many as asked for, over the
file's number, until the next up. What they depend on is brought up too.`,
		Example: `  stackup scale web=3 worker=2
  stackup scale --no-deps web=1`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f.scale = args
			var only []string
			for _, a := range args {
				name, _, _ := strings.Cut(a, "=")
				if !slices.Contains(only, name) {
					only = append(only, name)
				}
			}
			return g.up(c, f, only)
		},
	}
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, dryRunHelp)
	c.Flags().BoolVar(&f.noDeps, "no-deps", false, "leave what the services depend on alone")
	return c
}
