package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/internal/engine"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/spec"
)

type buildFlags struct {
	args, ssh        []string
	provenance, sbom string
	builder          string
	noCache          bool
	pull             bool
	push             bool
	check            bool
	print            bool
	quiet            bool
	dependencies     bool
	memory           string
}

func buildCommand(g *globals) *cobra.Command {
	var f buildFlags
	c := &cobra.Command{
		Use:   "build [SERVICE...]",
		Short: "Build the images of the stack's services",
		Long: `Build the images of all services that have a build, or of those named, whether
anything that goes into them has changed or not. Nothing is started or replaced:
the next up does that. What is due up builds by itself.

BuildKit is started by need, with the engine as its worker, and ends with the
command; its cache stays. --builder or BUILDKIT_HOST names another one.`,
		Example: `  stackup build
  stackup build --no-cache --pull web
  stackup build --build-arg VERSION=1.2 --push
  stackup build --check          # what is odd about the Dockerfiles`,
		RunE: func(c *cobra.Command, args []string) error { return g.build(c, f, args) },
	}
	f.register(c)
	return c
}

func (f *buildFlags) register(c *cobra.Command) {
	s := c.Flags()
	s.StringArrayVar(&f.args, "build-arg", nil, "NAME=VALUE or NAME: an argument of every build, over the file's")
	s.StringArrayVar(&f.ssh, "ssh", nil, "default or ID=PATH: agent or key that every build may use, over the file's")
	s.StringVar(&f.provenance, "provenance", "", "true, false or mode=max: attest how images were built, over the file's")
	s.StringVar(&f.sbom, "sbom", "", "true, false or generator=IMAGE: attest what is in images, over the file's")
	s.Lookup("provenance").NoOptDefVal, s.Lookup("sbom").NoOptDefVal = "true", "true"
	s.StringVar(&f.builder, "builder", "", "address of a BuildKit, such as unix:///run/buildkit/buildkitd.sock (default BUILDKIT_HOST, else one of our own)")
	s.BoolVar(&f.noCache, "no-cache", false, "build every step anew")
	s.BoolVar(&f.pull, "pull", false, "ask registries for newer base images")
	s.BoolVar(&f.push, "push", false, "push the images to their registries then")
	s.BoolVar(&f.check, "check", false, "check the Dockerfiles, and build nothing")
	s.BoolVar(&f.print, "print", false, "print the builds as a bake file, and build nothing")
	s.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")
	s.BoolVar(&f.dependencies, "with-dependencies", false, "also what the services depend on")
	s.StringVarP(&f.memory, "memory", "m", "", "refused: BuildKit has no limit of memory")
}

// options checks the flags.
func (f buildFlags) options() (o executor.BuildOptions, err error) {
	if f.memory != "" {
		return o, errors.New("--memory: BuildKit has no limit of memory for a build; leave it out")
	}
	if f.check && f.print || f.push && (f.check || f.print) {
		return o, errors.New("--check and --print build nothing: they go neither together nor with --push")
	}
	o = executor.BuildOptions{NoCache: f.noCache, Pull: f.pull, Args: buildArgs(f.args), Provenance: f.provenance, SBOM: f.sbom}
	for _, k := range f.ssh {
		id, path, _ := strings.Cut(k, "=")
		if id == "" || path == "" && id != "default" {
			return o, fmt.Errorf("--ssh %q: must be default, or ID=PATH of a key or an agent's socket", k)
		}
		o.SSH = append(o.SSH, spec.Pair{Name: id, Value: path})
	}
	return o, nil
}

func (g *globals) build(c *cobra.Command, f buildFlags, only []string) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	if f.print {
		return g.printBuilds(c.Context(), f, only)
	}
	if f.quiet || f.check {
		g.progress = "quiet"
	}
	g.builder = f.builder
	ctx := c.Context()
	return g.withStack(ctx, func(ses *session, s *spec.Stack, p ui.Progress) error {
		ses.Builds = o
		only := f.services(s, only)
		if f.check {
			return errors.Join(ses.checkBuilds(ctx, s, only), p.Close())
		}
		plan, err := ses.Build(ctx, s, only)
		if err == nil && f.push {
			_, _, err = ses.Push(ctx, s, app.PushOptions{Only: only})
		}
		if err = errors.Join(err, p.Close()); err != nil {
			return err
		}
		if plan.Empty() && !f.quiet {
			fmt.Fprintf(os.Stderr, "stack %s: no service has a build\n", s.Name)
		}
		return engine.Record(c.Context(), ses.dirs, ses.choice)
	})
}

// services are those to build, none for all.
func (f buildFlags) services(s *spec.Stack, only []string) []string {
	if !f.dependencies || len(only) == 0 {
		return only
	}
	only = append(slices.Clone(only), app.Built(s, only)...)
	slices.Sort(only)
	return slices.Compact(only)
}

// checkBuilds prints what is to be said of the Dockerfiles; anything is exit code 1.
func (s *session) checkBuilds(ctx context.Context, st *spec.Stack, only []string) error {
	found, err := s.CheckBuilds(ctx, st, only)
	odd := false
	for _, c := range found {
		if c.Warnings == "" {
			c.Warnings = "nothing to say"
		} else {
			odd = true
		}
		fmt.Printf("%s:\n", ui.Sanitize(c.Image))
		for line := range strings.Lines(c.Warnings) {
			fmt.Println("  " + ui.Sanitize(strings.TrimRight(line, "\n")))
		}
	}
	if err == nil && odd {
		return exitCode(1)
	}
	return err
}

func (g *globals) printBuilds(ctx context.Context, f buildFlags, only []string) error {
	s, err := g.load(ctx)
	if err != nil {
		return err
	}
	if err := services(s, only); err != nil {
		return err
	}
	text, err := spec.Bake(s, f.services(s, only))
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

// buildArgs takes the caller's value for a name without one.
func buildArgs(args []string) (out []spec.Pair) {
	for _, a := range args {
		name, value, given := strings.Cut(a, "=")
		if !given {
			if value, given = os.LookupEnv(name); !given {
				continue
			}
		}
		out = append(out, spec.Pair{Name: name, Value: value})
	}
	return out
}
