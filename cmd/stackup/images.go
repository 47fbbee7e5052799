package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/engine"
	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/internal/ui"
)

func imagesCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:     "images",
		Short:   "Manage the images on this machine",
		Example: "  stackup images load nginx.tar\n  stackup images ls",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(imagesLoad(g), imagesSave(g), imagesList(g), imagesTag(g), imagesRemove(g), imagesPrune(g))
	return c
}

// on runs do with a session that shows no progress.
func (g *globals) on(c *cobra.Command, do func(*session) error) (err error) {
	ses, err := g.connect(c.Context(), wantRunning, event.Discard)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ses.Close()) }()
	return do(ses)
}

func imagesLoad(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "load ARCHIVE",
		Short:   "Bring in the images of an OCI or docker archive",
		Example: "  stackup images load build/nginx-image.tar",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer func() { _ = f.Close() }() // only read from
			return g.on(c, func(s *session) error {
				names, err := s.engine.LoadImages(c.Context(), f)
				for _, n := range names {
					fmt.Println("loaded", ui.Sanitize(n))
				}
				if err != nil {
					return fmt.Errorf("load %s: %w", args[0], err)
				}
				return engine.Record(c.Context(), s.dirs, s.choice)
			})
		},
	}
}

func imagesList(g *globals) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the images on this machine",
		Example: "  stackup images ls --format json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if format != "table" && format != "json" {
				return fmt.Errorf("--format %q: must be table or json", format)
			}
			return g.on(c, func(s *session) error {
				list, err := s.engine.Images(c.Context())
				if err != nil {
					return err
				}
				var rows []ui.ImageRow
				for _, i := range list {
					rows = append(rows, ui.ImageRow{Name: i.Name, Digest: i.Digest, Platform: strings.Join(i.Platforms, ","), Size: i.Size, Created: i.Created})
				}
				if format == "json" {
					return ui.ImagesJSON(os.Stdout, rows)
				}
				return ui.ImagesTable(os.Stdout, rows, time.Now())
			})
		},
	}
	c.Flags().StringVar(&format, "format", "table", "table or json")
	return c
}

func imagesRemove(g *globals) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:     "rm IMAGE...",
		Short:   "Remove images from this machine",
		Example: "  stackup images rm nginx:1.27",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return g.on(c, func(s *session) error {
				var errs []error
				for _, name := range args {
					err := s.engine.RemoveImage(c.Context(), name, force)
					if err == nil {
						fmt.Println("removed", ui.Sanitize(name))
					}
					errs = append(errs, err)
				}
				return errors.Join(errs...)
			})
		},
	}
	c.Flags().BoolVar(&force, "force", false, "even if a container uses it")
	return c
}
