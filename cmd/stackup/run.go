package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/internal/engine"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/spec"
)

type runFlags struct {
	images                                                   imageFlags
	detach, remove, noDeps, servicePorts, aliases, quiet     bool
	noTTY, interactive, orphans                              bool
	name, user, workdir, entrypoint                          string
	env, envFiles, labels, volumes, publish, capAdd, capDrop []string
}

func runCommand(g *globals) *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run [flags] SERVICE [COMMAND] [ARG...]",
		Short: "Run a command in a container of its own",
		Long: `Bring up what a service depends on, run a command in one more container of the
service, and exit with its exit code. The container is none of the replicas: it
publishes no ports and does not answer by the service's name, unless asked to; up
leaves it alone and down takes it away.`,
		Example: `  stackup run --rm app ./manage.py migrate
  stackup run --rm -T db pg_dump shop > shop.sql
  stackup run --rm --entrypoint sh -e DEBUG=1 app`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return g.run(c, f, args[0], args[1:]) },
	}
	f.register(c)
	// -p publishes here; the stack's name stands before the command.
	c.Flags().StringVar(&g.project, "project-name", "", "name of the stack")
	return c
}

func (f *runFlags) register(c *cobra.Command) {
	s := c.Flags()
	s.SetInterspersed(false)
	s.BoolVarP(&f.detach, "detach", "d", false, "return once it has started, and print its name")
	s.BoolVar(&f.remove, "rm", false, "remove the container when it has ended")
	s.BoolVar(&f.noDeps, "no-deps", false, "leave what the service depends on alone")
	s.BoolVarP(&f.servicePorts, "service-ports", "P", false, "publish the service's ports")
	s.StringArrayVarP(&f.publish, "publish", "p", nil, "[IP:][HOSTPORT:]PORT[/udp] to publish")
	s.BoolVar(&f.aliases, "use-aliases", false, "answer by the service's names on its networks")
	f.images.register(c)
	s.BoolVar(&f.orphans, "remove-orphans", false, "remove containers of services that the file no longer has")
	s.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")
	s.StringVar(&f.name, "name", "", "name of the container")
	s.StringVarP(&f.user, "user", "u", "", "user to run as")
	s.StringVarP(&f.workdir, "workdir", "w", "", "working folder")
	s.StringVar(&f.entrypoint, "entrypoint", "", "over the service's; empty for none")
	s.StringArrayVarP(&f.env, "env", "e", nil, "NAME=value to set, or NAME to pass on")
	s.StringArrayVar(&f.envFiles, "env-from-file", nil, "file of variables to set, under --env")
	s.StringArrayVarP(&f.labels, "label", "l", nil, "NAME=value")
	s.StringArrayVarP(&f.volumes, "volume", "v", nil, "SOURCE:TARGET[:ro] to bind")
	s.StringArrayVar(&f.capAdd, "cap-add", nil, "capability to add")
	s.StringArrayVar(&f.capDrop, "cap-drop", nil, "capability to drop")
	s.BoolVarP(&f.noTTY, "no-TTY", "T", false, "give it no terminal")
	s.BoolVarP(&f.interactive, "interactive", "i", true, "pass standard input on")
}

func (g *globals) run(c *cobra.Command, f runFlags, name string, args []string) (err error) {
	ctx := c.Context()
	if f.quiet {
		g.progress = "quiet"
	}
	early := g.connectEarly(ctx)
	defer early.drop()
	s, err := g.load(ctx)
	if err != nil {
		return err
	}
	if err := f.images.apply(s); err != nil {
		return err
	}
	o, err := f.options(c, s, name, args)
	if err != nil {
		return err
	}
	p, err := g.newProgress(s)
	if err != nil {
		return err
	}
	p = f.images.quiet(p)
	ses, err := early.finish(ctx, g, wantRunning, p)
	if err != nil {
		return errors.Join(err, p.Close())
	}
	defer func() { err = errors.Join(err, ses.Close()) }()
	if f.images.build {
		if err := ses.buildFirst(ctx, s, []string{name}, p); err != nil {
			return err
		}
	}
	if !o.Detach {
		o.Kill = g.sigs.second()
	}
	o.Planned = func() error { return engine.Record(ctx, ses.dirs, ses.choice) }
	return ses.oneOff(ctx, s, o, p.Close)
}

// oneOff runs the container with this terminal or these streams.
func (s *session) oneOff(ctx context.Context, st *spec.Stack, o app.RunOptions, progressEnds func() error) error {
	ended := false
	restore := func() {}
	o.Ready = func() (err error) {
		ended = true
		if err := progressEnds(); err != nil || !o.Streams.Terminal {
			return err
		}
		restore, err = rawTerminal(ctx, o.Streams)
		return err
	}
	name, code, err := s.Run(ctx, st, o)
	restore()
	if !ended {
		err = errors.Join(err, progressEnds())
	}
	switch {
	case err != nil:
		return err
	case o.Detach:
		fmt.Println(name)
		return nil
	case code != 0:
		return exitCode(code)
	}
	return nil
}

func (f runFlags) options(c *cobra.Command, s *spec.Stack, name string, args []string) (app.RunOptions, error) {
	v, err := app.OneOff(s, name)
	if err != nil {
		return app.RunOptions{}, err
	}
	o := app.RunOptions{Name: f.name, Alone: f.noDeps, Detach: f.detach, Remove: f.remove && !f.detach, Aliases: f.aliases, RemoveOrphans: f.orphans}
	if f.detach && f.remove {
		return o, errors.New("--rm needs somebody who waits: it cannot be used with --detach")
	}
	o.Streams = &inspect.Process{Stdout: os.Stdout, Stderr: os.Stderr}
	o.Streams.Terminal = !f.detach && !f.noTTY && isTerminal(os.Stdin) && isTerminal(os.Stdout)
	if f.interactive && !f.detach {
		o.Streams.Stdin = os.Stdin
	}
	v.TTY, v.StdinOpen = o.Streams.Terminal, false
	if f.servicePorts {
		v.Ports = s.Service(name).Ports
	}
	err = f.change(c, s, &v, args)
	o.Service = v
	return o, err
}

// change puts the flags over the service.
func (f runFlags) change(c *cobra.Command, st *spec.Stack, v *spec.Service, args []string) error {
	if c.Flags().Changed("entrypoint") {
		words, err := spec.Words(f.entrypoint)
		if err != nil {
			return fmt.Errorf("--entrypoint: %w", err)
		}
		v.Entrypoint, v.Command = words, nil
	}
	if len(args) > 0 {
		v.Command = args
	}
	if f.user != "" {
		v.User = f.user
	}
	if f.workdir != "" {
		v.WorkingDir = f.workdir
	}
	for _, path := range f.envFiles {
		words, err := spec.EnvFile(path, os.LookupEnv)
		if err != nil {
			return err
		}
		v.Environment = pairsOver(v.Environment, words)
	}
	v.Environment = pairsOver(v.Environment, fromHere(f.env))
	v.Labels = pairsOver(v.Labels, f.labels)
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	return spec.Flags{Ports: f.publish, Volumes: f.volumes, CapAdd: f.capAdd, CapDrop: f.capDrop, Dir: dir}.Over(st, v)
}

// pairsOver sets NAME=value words over pairs, sorted by name.
func pairsOver(base []spec.Pair, words []string) []spec.Pair {
	out := slices.Clone(base)
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		out = slices.DeleteFunc(out, func(p spec.Pair) bool { return p.Name == name })
		out = append(out, spec.Pair{Name: name, Value: value})
	}
	slices.SortFunc(out, func(a, b spec.Pair) int { return strings.Compare(a.Name, b.Name) })
	return out
}
