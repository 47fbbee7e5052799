package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/spec"
)

type configFlags struct {
	format, output, hash string
	quiet                bool
	list                 map[string]*bool
}

// listings are the flags of config that print names instead of the file.
var listings = map[string]string{
	"services": "the services' names", "networks": "the networks' names", "volumes": "the volumes' names",
	"images": "the images' names", "profiles": "the profiles' names", "environment": "the variables that the files are resolved with",
}

func configCommand(g *globals) *cobra.Command {
	f := configFlags{list: map[string]*bool{}}
	c := &cobra.Command{
		Use:   "config [SERVICE...]",
		Short: "Check the stack file and print it with everything resolved",
		Long: `Check the stack file and print it with everything resolved: merged, interpolated,
in long forms. With services it prints those alone, with what they depend on.`,
		Example: `  stackup config
  stackup config --format json -o resolved.json
  stackup config --services
  stackup config -q && echo valid`,
		RunE: func(c *cobra.Command, args []string) error { return g.config(c, f, args) },
	}
	s := c.Flags()
	s.StringVar(&f.format, "format", "yaml", "yaml or json")
	s.StringVarP(&f.output, "output", "o", "", "write to a file")
	s.BoolVarP(&f.quiet, "quiet", "q", false, "only check")
	s.StringVar(&f.hash, "hash", "", "print the hash of services, by which a changed one is known: names with commas, or *")
	for _, what := range slices.Sorted(maps.Keys(listings)) {
		f.list[what] = s.Bool(what, false, "print "+listings[what])
	}
	return c
}

func (g *globals) config(c *cobra.Command, f configFlags, args []string) error {
	o, err := g.specOptions()
	if err != nil {
		return err
	}
	text, err := f.text(c.Context(), g, o, args)
	if err != nil || f.quiet {
		return err
	}
	if f.output != "" {
		return writeThrough(f.output, text)
	}
	_, err = os.Stdout.Write(text)
	return err
}

// writeThrough writes to what a path leads to, be it a file or /dev/stdout. A new
// file is for its owner alone: values of secrets may be in it.
func writeThrough(path string, text []byte) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return errors.Join(err, out.Close())
}

func (f configFlags) text(ctx context.Context, g *globals, o spec.Options, args []string) ([]byte, error) {
	for what, asked := range f.list {
		if *asked {
			names, err := spec.Listing(ctx, o, what)
			return onePerLine(names), err
		}
	}
	if f.hash == "" {
		return spec.Config(ctx, o, f.format, args...)
	}
	s, err := g.load(ctx)
	if err != nil {
		return nil, err
	}
	return hashes(s, f.hash)
}

func hashes(s *spec.Stack, names string) ([]byte, error) {
	wanted := strings.Split(names, ",")
	if names == "*" {
		wanted = nil
		for _, v := range s.Services {
			wanted = append(wanted, v.Name)
		}
	}
	var out []string
	for _, name := range wanted {
		v := s.Service(name)
		if v == nil {
			return nil, fmt.Errorf("--hash: no such service: %s", name)
		}
		out = append(out, name+" "+v.Hash())
	}
	return onePerLine(out), nil
}

func onePerLine(list []string) []byte {
	var b bytes.Buffer
	for _, l := range list {
		b.WriteString(l + "\n")
	}
	return b.Bytes()
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
