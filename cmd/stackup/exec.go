package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/containerd/console"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/internal/inspect"
)

type execFlags struct {
	interactive, tty, noTTY bool
	detach, privileged      bool
	index                   int
	user, workdir           string
	env                     []string
}

func execCommand(g *globals) *cobra.Command {
	var f execFlags
	c := &cobra.Command{
		Use:   "exec [flags] SERVICE COMMAND [ARG...]",
		Short: "Run a command in a running container",
		Long: `Run a command in a running container and exit with its exit code. As with docker
compose, a terminal and standard input are used unless -T is given or standard
input is no terminal.`,
		Example: `  stackup exec web sh
  stackup exec -T db pg_dump shop > shop.sql`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return g.exec(c, f, args[0], args[1:]) },
	}
	s := c.Flags()
	s.SetInterspersed(false)
	s.BoolVarP(&f.detach, "detach", "d", false, "return once it has started")
	s.BoolVar(&f.privileged, "privileged", false, "with all capabilities of this machine")
	s.BoolVarP(&f.interactive, "interactive", "i", true, "pass standard input on")
	s.BoolVarP(&f.tty, "tty", "t", true, "give the command a terminal")
	s.BoolVarP(&f.noTTY, "no-tty", "T", false, "give it none")
	s.IntVar(&f.index, "index", 0, "replica (default: the first that runs)")
	s.StringVarP(&f.user, "user", "u", "", "user to run as")
	s.StringVarP(&f.workdir, "workdir", "w", "", "working folder")
	s.StringArrayVarP(&f.env, "env", "e", nil, "NAME=value to set, or NAME to pass on")
	return c
}

func (g *globals) exec(c *cobra.Command, f execFlags, service string, args []string) (err error) {
	ctx := c.Context()
	s, err := g.loadOrName(ctx)
	if err != nil {
		return err
	}
	if err := services(s, []string{service}); err != nil {
		return err
	}
	ses, err := g.connect(ctx, wantIfThere, event.Discard)
	if errors.Is(err, errNoEngine) {
		return fmt.Errorf("service %q is not running", service)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ses.Close()) }()
	target, err := ses.Find(ctx, s.Name, service, f.index)
	if err != nil {
		return err
	}
	return ses.execIn(ctx, target.ID, f, args)
}

func (s *session) execIn(ctx context.Context, id string, f execFlags, args []string) error {
	p := inspect.Process{
		Args: args, Privileged: f.privileged, Detached: f.detach, Env: fromHere(f.env), User: f.user, WorkingDir: f.workdir, Stdout: os.Stdout, Stderr: os.Stderr,
		Terminal: f.tty && !f.noTTY && isTerminal(os.Stdin) && isTerminal(os.Stdout),
	}
	p.Terminal = p.Terminal && !f.detach
	if f.interactive && !f.detach {
		p.Stdin = os.Stdin
	}
	if p.Terminal {
		restore, err := rawTerminal(ctx, &p)
		if err != nil {
			return err
		}
		defer restore()
	}
	code, err := s.Engine.Exec(ctx, id, p)
	if err == nil && code != 0 {
		return exitCode(code)
	}
	return err
}

// fromHere gives names without a value the value that they have here; those
// that have none are left out.
func fromHere(env []string) []string {
	var out []string
	for _, kv := range env {
		if strings.Contains(kv, "=") {
			out = append(out, kv)
		} else if v, ok := os.LookupEnv(kv); ok {
			out = append(out, kv+"="+v)
		}
	}
	return out
}

// rawTerminal hands the terminal over to the process, sizes included.
func rawTerminal(ctx context.Context, p *inspect.Process) (restore func(), err error) {
	con, err := console.ConsoleFromFile(os.Stdin)
	if err != nil {
		return nil, err
	}
	if err := con.SetRaw(); err != nil {
		return nil, err
	}
	p.Stdout, p.Stderr = con, io.Discard
	if p.Stdin != nil {
		p.Stdin = con
	}
	p.Resize = sizes(ctx, con)
	return func() { _ = con.Reset() }, nil
}

func sizes(ctx context.Context, con console.Console) <-chan inspect.Size {
	out := make(chan inspect.Size)
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, unix.SIGWINCH)
	changed <- unix.SIGWINCH // the first size
	go func() {
		defer signal.Stop(changed)
		for {
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
			s, err := con.Size()
			if err != nil {
				continue
			}
			select {
			case out <- inspect.Size{Width: s.Width, Height: s.Height}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
