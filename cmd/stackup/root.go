package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/spec"
)

// globals are the flags that every command takes.
type globals struct {
	files       []string
	project     string
	profiles    []string
	envFiles    []string
	projectDir  string
	trust       bool
	maxReplicas int
	address     string
	runtime     string
	root        string
	state       string
	progress    string
	builder     string // address of a BuildKit, over BUILDKIT_HOST
	parallel    int
	debug       bool
	helper      bool // standard error is a log

	command string // that is being carried out, without its arguments

	sigs *interrupts
}

func newRoot(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "stackup",
		Short: "Run a Compose file on plain containerd",
		Long: `stackup reads a Compose file, compares what it asks for with what containerd
runs, shows the difference as a plan with a reason for every step, and carries
it out. It needs no Docker: where no containerd runs, it brings its own.`,
		Example: `  stackup plan             # what would change, and why
  stackup up -d --wait     # make it so, return when all is healthy
  stackup logs -f web
  stackup down`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version,
		// -f stands before the command, as logs has an -f of its own.
		TraverseChildren: true,
		Args:             cobra.NoArgs, // an unknown command is an error
		RunE:             func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRun: func(c *cobra.Command, _ []string) { g.command = strings.TrimPrefix(c.CommandPath(), "stackup ") },
	}
	g.register(c)
	c.AddCommand(
		upCommand(g), watchCommand(g), createCommand(g), downCommand(g), planCommand(g), psCommand(g), logsCommand(g), execCommand(g), cpCommand(g), runCommand(g),
		startCommand(g), stopCommand(g), restartCommand(g), killCommand(g), pauseCommand(g), unpauseCommand(g), rmCommand(g),
		waitCommand(g), portCommand(g), topCommand(g), lsCommand(g), scaleCommand(g), statsCommand(g), eventsCommand(g), attachCommand(g),
		configCommand(g), pullCommand(g), buildCommand(g), pushCommand(g), imagesCommand(g), volumesCommand(g), versionCommand(g), engineCommand(g), superviseCommand(g))
	for _, sub := range c.Commands() {
		lendFileFlag(c, sub)
	}
	return c
}

// lendFileFlag lets -f stand behind a command too, where it means nothing
// else. It is one flag: files given before and behind add up.
func lendFileFlag(root, c *cobra.Command) {
	if c.Flags().ShorthandLookup("f") == nil {
		c.Flags().AddFlag(root.Flags().Lookup("file"))
	}
}

func (g *globals) register(c *cobra.Command) {
	c.Flags().StringArrayVarP(&g.files, "file", "f", nil, "Compose file; may be given several times, later ones override (- for standard input)")
	f := c.PersistentFlags()
	f.StringVarP(&g.project, "project-name", "p", "", "name of the stack")
	f.StringArrayVar(&g.profiles, "profile", nil, "profile to enable; may be given several times")
	f.StringArrayVar(&g.envFiles, "env-file", nil, "environment file for interpolation instead of .env")
	f.StringVar(&g.projectDir, "project-directory", "", "folder that relative paths start from (default: that of the first file)")
	f.BoolVar(&g.trust, "trust", false, "let the stack file read files outside its project folder")
	f.IntVar(&g.maxReplicas, "max", 100, "most replicas that one service may ask for")
	f.StringVar(&g.address, "address", "", "containerd's socket (default: the recorded engine, the system's, else the embedded one)")
	f.StringVar(&g.runtime, "runtime", os.Getenv("STACKUP_RUNTIME"), "OCI runtime of new containers: runc, crun or a program's path (default runc)")
	f.StringVar(&g.root, "root", envOr("STACKUP_ROOT", statedir.DefaultRoot), "folder of what survives a reboot")
	f.StringVar(&g.state, "state", envOr("STACKUP_STATE", statedir.DefaultState), "folder of what does not")
	f.StringVar(&g.progress, "progress", "auto", "progress form: auto, tty, plain, json, quiet")
	f.IntVar(&g.parallel, "parallel", 0, "engine calls in flight (default 4)")
	f.BoolVar(&g.debug, "debug", false, "log what is done to standard error")
}

func envOr(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

func (g *globals) specOptions() (spec.Options, error) {
	wd, err := os.Getwd()
	if err != nil {
		return spec.Options{}, err
	}
	return spec.Options{
		Files: g.files, ProjectName: g.project, Profiles: g.profiles, EnvFiles: g.envFiles,
		ProjectDir: g.projectDir, WorkingDir: wd, Environ: os.Environ(), Stdin: os.Stdin,
		Trust: g.trust, MaxReplicas: g.maxReplicas, Store: g.root,
	}, nil
}

func (g *globals) load(ctx context.Context) (*spec.Stack, error) {
	s, _, err := g.recall(ctx)
	return s, err
}

// loadOrName is load for commands that need no more than the stack's name:
// with -p they work where there is no file any more, and always without the
// variables and files that services need to run.
func (g *globals) loadOrName(ctx context.Context) (*spec.Stack, error) {
	s, err := g.load(ctx)
	if err == nil || slices.Contains(g.files, "-") { // which can be read once
		return s, err
	}
	if errors.Is(err, fs.ErrNotExist) && g.project != "" && len(g.files) == 0 {
		return &spec.Stack{Name: g.project}, nil
	}
	o, oerr := g.specOptions()
	if oerr != nil {
		return nil, err
	}
	o.Lenient = true
	if s, lerr := spec.Load(ctx, o); lerr == nil {
		return s, nil
	}
	return nil, err
}

// stackName is the name of the stack, for commands that take what there is of
// it as it is. Only services given by name must be in the file.
func (g *globals) stackName(ctx context.Context, only []string) (string, error) {
	if len(only) > 0 {
		s, err := g.loadOrName(ctx)
		if err != nil {
			return "", err
		}
		return s.Name, services(s, only)
	}
	o, err := g.specOptions()
	if err != nil {
		return "", err
	}
	name, err := spec.Name(o)
	if errors.Is(err, fs.ErrNotExist) && g.project != "" && len(g.files) == 0 {
		return g.project, nil
	}
	return name, err
}

// dirs are the root and the state folder, which nobody else may own or write to. Who is
// not root may look at them, and gets no further.
func (g *globals) dirs() (statedir.Dirs, error) {
	d, err := statedir.New(g.root, g.state)
	if err == nil && os.Geteuid() == 0 {
		err = d.CheckOwner()
	}
	return d, err
}

// services checks names given on the command line against the file.
func services(s *spec.Stack, names []string) error {
	for _, n := range names {
		if s.Service(n) == nil && len(s.Services) > 0 && !slices.Contains(s.Disabled, n) {
			return errors.New("no such service: " + n)
		}
	}
	return nil
}
