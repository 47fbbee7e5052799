package main

import (
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/ui"
)

func imagesTag(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "tag SOURCE TARGET",
		Short:   "Give an image one more name",
		Long:    "Give an image one more name. An image that had that name before loses it.",
		Example: "  stackup images tag nginx:1.27 registry.example/web:stable",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return g.on(c, func(s *session) error { return s.engine.TagImage(c.Context(), args[0], args[1]) })
		},
	}
}

func imagesPrune(g *globals) *cobra.Command {
	var all, force bool
	c := &cobra.Command{
		Use:   "prune",
		Short: "Remove images that no container uses",
		Long: `Remove the images that have no tag and that no container uses, running or not.
With -a also those that have one.`,
		Example: `  stackup images prune
  stackup images prune -a -f`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !force {
				if yes, err := confirmed(c.Context(), pruneWarning(all)); err != nil || !yes {
					return err
				}
			}
			return g.on(c, func(s *session) error {
				gone, err := s.engine.PruneImages(c.Context(), all)
				return errors.Join(printPruned(os.Stdout, gone), err)
			})
		},
	}
	c.Flags().BoolVarP(&all, "all", "a", false, "all images that no container uses, not only those without a tag")
	c.Flags().BoolVarP(&force, "force", "f", false, "do not ask")
	return c
}

func pruneWarning(all bool) string {
	if all {
		return "WARNING! This will remove all images without at least one container associated to them."
	}
	return "WARNING! This will remove all dangling images."
}

// printPruned says what has gone in the words that docker users know.
func printPruned(w io.Writer, p inspect.Pruned) error {
	var b strings.Builder
	if len(p.Untagged)+len(p.Deleted) > 0 {
		b.WriteString("Deleted Images:\n")
		for _, n := range p.Untagged {
			b.WriteString("untagged: " + ui.Sanitize(n) + "\n")
		}
		for _, d := range p.Deleted {
			b.WriteString("deleted: " + ui.Sanitize(d) + "\n")
		}
		b.WriteString("\n")
	}
	b.WriteString("Total reclaimed space: " + ui.Size(p.Freed) + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}
