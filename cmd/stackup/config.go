package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/spec"
)

func configCommand(g *globals) *cobra.Command {
	var format string
	var quiet bool
	c := &cobra.Command{
		Use:   "config",
		Short: "Check the stack file and print it with everything resolved",
		Example: `  stackup config
  stackup config --format json
  stackup config -q && echo valid`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := g.specOptions()
			if err != nil {
				return err
			}
			b, err := spec.Config(c.Context(), o, format)
			if err != nil || quiet {
				return err
			}
			_, err = os.Stdout.Write(b)
			return err
		},
	}
	c.Flags().StringVar(&format, "format", "yaml", "yaml or json")
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "only check")
	return c
}

func versionCommand(*globals) *cobra.Command {
	var short bool
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  stackup version --short",
		Args:    cobra.NoArgs,
		Run: func(*cobra.Command, []string) {
			if short {
				fmt.Println(version)
				return
			}
			fmt.Printf("stackup %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
	c.Flags().BoolVar(&short, "short", false, "the number only")
	return c
}
