package main

import "github.com/spf13/cobra"

func createCommand(g *globals) *cobra.Command {
	var f upFlags
	c := &cobra.Command{
		Use:   "create [SERVICE...]",
		Short: "Make everything that up would start, and start nothing",
		Long: `Pull and build images, make networks and volumes, and the containers that are
missing or that have changed. What runs goes on running: the next up starts what
was made, and lets it take over.`,
		Example: `  stackup create
  stackup create --build web`,
		RunE: func(c *cobra.Command, args []string) error {
			f.noStart = true
			return g.up(c, f, args)
		},
	}
	f.makingFlags.register(c)
	return c
}
