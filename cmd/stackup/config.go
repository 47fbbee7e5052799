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
	quiet, variables     bool
	resolve, lock        bool
	list                 map[string]*bool
	view                 spec.View
}

// listings are the flags of config that print names instead of the file.
var listings = map[string]string{
	"services": "the services' names", "networks": "the networks' names", "volumes": "the volumes' names",
	"images": "the images' names", "models": "the models' names", "profiles": "the profiles' names", "environment": "the variables that the files are resolved with",
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
  stackup config --no-interpolate --no-path-resolution
  stackup config --lock-image-digests -o stack.override.yaml
  stackup config -q && echo valid`,
		RunE: func(c *cobra.Command, args []string) error { return g.config(c, f, args) },
	}
	s := c.Flags()
	s.StringVar(&f.format, "format", "", "yaml or json (default yaml; of --variables a table)")
	s.StringVarP(&f.output, "output", "o", "", "write to a file")
	s.BoolVarP(&f.quiet, "quiet", "q", false, "only check")
	s.BoolVar(&f.view.NoInterpolate, "no-interpolate", false, "leave variables as they are written")
	s.BoolVar(&f.view.NoNormalize, "no-normalize", false, "leave out what names and defaults come to")
	s.BoolVar(&f.view.NoPathResolution, "no-path-resolution", false, "leave paths as they are written")
	s.BoolVar(&f.view.NoEnvResolution, "no-env-resolution", false, "leave env_file as it is written")
	s.BoolVar(&f.view.NoConsistency, "no-consistency", false, "show it even if attributes contradict each other")
	s.BoolVar(&f.resolve, "resolve-image-digests", false, "pin images to the digests that they have in their registries")
	s.BoolVar(&f.lock, "lock-image-digests", false, "print an override file that does so, and nothing else")
	s.BoolVar(&f.variables, "variables", false, "print the variables that the files mention, with their defaults")
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
	switch {
	case f.variables:
		return variables(ctx, o, f.format)
	case f.hash == "":
		return f.shown(ctx, g, o, args)
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
			if v.Job == "" {
				wanted = append(wanted, v.Name)
			}
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
	var format string
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  stackup version --short",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			switch {
			case short:
				fmt.Println(version)
			case format == "json":
				fmt.Printf("{\"version\":%q}\n", version)
			case format == "pretty":
				fmt.Printf("stackup %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			default:
				return fmt.Errorf("--format %q: must be pretty or json", format)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&short, "short", false, "the number only")
	c.Flags().StringVar(&format, "format", "pretty", "pretty or json")
	return c
}
