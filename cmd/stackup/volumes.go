package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/internal/volume"
)

func volumesCommand(g *globals) *cobra.Command {
	var f volumesFlags
	c := &cobra.Command{
		Use:     "volumes",
		Short:   "List and manage volumes",
		Example: "  stackup volumes\n  stackup volumes rm shop_data",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return g.volumes(c, f) },
	}
	f.register(c)
	c.AddCommand(volumesList(g), volumesRemove(g))
	return c
}

type volumesFlags struct {
	format string
	quiet  bool
}

func (f *volumesFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.format, "format", "table", "table or json (one object a line)")
	c.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "names only")
}

func volumesList(g *globals) *cobra.Command {
	var f volumesFlags
	c := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the stack's volumes",
		Long: `List the volumes of the stack, anonymous ones too. External volumes are not the
stack's.`,
		Example: `  stackup volumes ls
  stackup volumes ls --format json | jq -r .Mountpoint
  stackup -p shop volumes ls -q`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return g.volumes(c, f) },
	}
	f.register(c)
	return c
}

func (g *globals) volumes(c *cobra.Command, f volumesFlags) error {
	if f.format != "table" && f.format != "json" {
		return fmt.Errorf("--format %q: must be table or json", f.format)
	}
	stack, err := g.stackName(c.Context(), nil)
	if err != nil {
		return err
	}
	rows, err := g.volumeRows(stack)
	if err != nil {
		return err
	}
	return printVolumes(rows, f.format, f.quiet)
}

func printVolumes(rows []ui.VolumeRow, format string, quiet bool) error {
	return printRows(rows, quiet, format, func(r ui.VolumeRow) string { return r.Name }, ui.VolumesJSON, ui.VolumesTable)
}

// printRows prints a listing: names alone, as JSON, or as a table.
func printRows[R any](rows []R, quiet bool, format string, name func(R) string, asJSON, asTable func(io.Writer, []R) error) error {
	switch {
	case quiet:
		for _, r := range rows {
			fmt.Println(ui.Sanitize(name(r)))
		}
		return nil
	case format == "json":
		return asJSON(os.Stdout, rows)
	default:
		return asTable(os.Stdout, rows)
	}
}

// volumeRows need no engine: volumes are folders.
func (g *globals) volumeRows(stack string) (rows []ui.VolumeRow, err error) {
	d, err := g.dirs()
	if err != nil {
		return nil, err
	}
	store := volume.Store{Dir: d.Volumes()}
	all, err := store.List()
	for _, v := range all {
		if v.Stack == stack {
			rows = append(rows, ui.VolumeRow{
				Name: v.Name, Key: v.Key, Project: v.Stack, Anonymous: v.Anonymous, Mountpoint: store.Data(v.Name), Labels: v.Labels,
			})
		}
	}
	return rows, err
}

func volumesRemove(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "rm NAME...",
		Short: "Remove volumes with their data",
		Long: `Remove volumes, of whatever stack, by the names that volumes ls shows. Their data
is lost. A volume that a container uses, running or not, is not removed.`,
		Example: "  stackup volumes rm shop_data",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return g.removeVolumes(c, args) },
	}
}

func (g *globals) removeVolumes(c *cobra.Command, names []string) (err error) {
	ses, err := g.connect(c.Context(), wantIfThere, event.Discard)
	if errors.Is(err, errNoEngine) {
		var errs []error
		for _, n := range names { // no engine, no volume
			errs = append(errs, app.NoVolume(n))
		}
		return errors.Join(errs...)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ses.Close()) }()
	removed, err := ses.RemoveVolumes(c.Context(), names)
	for _, n := range removed {
		fmt.Println("removed", ui.Sanitize(n))
	}
	_ = os.Remove(ses.dirs.Volumes()) // refused by the kernel unless empty
	return err
}
