package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/console"
	"github.com/moby/sys/signal"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/logs"
	"stackup.dev/stackup/planner"
)

type attachFlags struct {
	keys    string
	index   int
	noStdin bool
	proxy   bool
}

func attachCommand(g *globals) *cobra.Command {
	var f attachFlags
	c := &cobra.Command{
		Use:   "attach SERVICE",
		Short: "Connect this terminal to a running container",
		Long: `Show what a service's container writes from now on, pass standard input on if the
service says stdin_open, and exit with the container's exit code when it ends.
Signals go to the container. On a terminal the detach keys end it and leave the
container alone.`,
		Example: `  stackup attach app
  stackup attach --no-stdin --sig-proxy=false web`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return g.attach(c.Context(), f, args[0]) },
	}
	s := c.Flags()
	s.StringVar(&f.keys, "detach-keys", "ctrl-p,ctrl-q", "keys that end the connection, separated by commas")
	s.IntVar(&f.index, "index", 0, "replica (default: the first that runs)")
	s.BoolVar(&f.noStdin, "no-stdin", false, "do not pass standard input on")
	s.BoolVar(&f.proxy, "sig-proxy", true, "pass signals on")
	return c
}

func (g *globals) attach(ctx context.Context, f attachFlags, service string) error {
	sequence, err := keys(f.keys)
	if err != nil {
		return err
	}
	err = g.onStack(ctx, []string{service}, func(ses *session, stack string) error {
		c, err := ses.Replica(ctx, stack, service, f.index)
		if err != nil {
			return err
		}
		if c.Task == planner.TaskPaused {
			return fmt.Errorf("container %s is paused: stackup unpause %s lets it go on", c.Name, service)
		}
		a := &attachment{ses: ses, c: c, keys: sequence, proxy: f.proxy}
		return a.run(ctx, g.sigs, f.noStdin)
	})
	if errors.Is(err, errNoEngine) {
		return fmt.Errorf("service %q is not running", service)
	}
	return err
}

// attachment is a connection to one container.
type attachment struct {
	ses   *session
	c     inspect.Container
	keys  []byte
	proxy bool
	out   io.Writer // the terminal, in raw mode; nil without one
}

// run passes things on until the container has ended, or somebody detaches.
func (a *attachment) run(ctx context.Context, sigs *interrupts, noStdin bool) error {
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	begin := time.Now() // before anything goes in that it may answer
	restore := func() {}
	if !noStdin {
		var err error
		if restore, err = a.input(life, end); err != nil {
			return err
		}
	}
	defer restore()
	go a.signals(ctx, life, sigs, end)
	var code int
	go func() {
		var err error
		code, err = a.ses.Engine.Ended(life, a.c.ID)
		if err == nil {
			err = errEnded
		}
		end(err)
	}()
	err := a.output(life, begin)
	restore()
	switch {
	case errors.Is(err, errDetached):
		fmt.Fprintln(os.Stderr, "detached")
		return nil
	case !errors.Is(err, errEnded):
		return err
	case code != 0:
		return exitCode(code)
	}
	return nil
}

// errEnded says that the container has.
var errEnded = errors.New("the container has ended")

// lastWords is how long the output of a container that has ended is waited for.
const lastWords = 300 * time.Millisecond

// output shows what the container writes from begin on, until ctx ends; of one that
// has ended also what is still on its way.
func (a *attachment) output(ctx context.Context, begin time.Time) error {
	reading, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	go func() {
		<-ctx.Done()
		if errors.Is(context.Cause(ctx), errEnded) {
			time.Sleep(lastWords)
		}
		stop(context.Cause(ctx))
	}()
	src := []logs.Source{{ID: a.c.ID, Name: a.c.Ref.Name, Dir: filepath.Join(a.ses.dirs.Logs(), a.c.ID)}}
	err := logs.Read(reading, src, logs.Options{Follow: true, Tail: -1, Since: begin}, func(_ logs.Source, r logs.Record) error { return a.write(r) })
	if err == nil { // its log is gone, and so is the container
		<-ctx.Done()
		err = context.Cause(ctx)
	}
	return err
}

func (a *attachment) write(r logs.Record) error {
	to := io.Writer(os.Stdout)
	if r.Stream == logs.Stderr {
		to = os.Stderr
	}
	if a.out != nil {
		to = a.out
	}
	text := append([]byte(nil), r.Text...)
	if !r.Partial {
		text = append(text, '\n')
	}
	_, err := to.Write(text)
	return err
}

// input passes standard input on, if the container takes any.
func (a *attachment) input(ctx context.Context, end context.CancelCauseFunc) (restore func(), err error) {
	to, err := a.ses.engine.Input(ctx, a.c.ID)
	if err != nil || to == nil {
		return func() {}, err
	}
	from, restore := io.Reader(os.Stdin), func() {}
	if isTerminal(os.Stdin) && a.c.Service.TTY {
		con, err := console.ConsoleFromFile(os.Stdin)
		if err == nil {
			err = con.SetRaw()
		}
		if err != nil {
			return nil, errors.Join(err, to.Close())
		}
		a.out, from, restore = con, &escapes{from: con, keys: a.keys}, func() { _ = con.Reset() }
		go a.resize(ctx, sizes(ctx, con))
	}
	go func() {
		_, err := io.Copy(to, from)
		if errors.Is(err, errDetached) {
			end(errDetached)
		}
		_ = to.Close()
	}()
	return restore, nil
}

func (a *attachment) resize(ctx context.Context, sizes <-chan inspect.Size) {
	for {
		select {
		case s := <-sizes:
			_ = a.ses.engine.Resize(ctx, a.c.ID, s) // one that has just ended takes none
		case <-ctx.Done():
			return
		}
	}
}

// signals passes on what this program gets: the first one ends ctx, the others
// come by sigs.
func (a *attachment) signals(ctx, life context.Context, sigs *interrupts, end context.CancelCauseFunc) {
	select {
	case <-ctx.Done():
	case <-life.Done():
		return
	}
	var s *signalError
	if !a.proxy || !errors.As(context.Cause(ctx), &s) {
		end(context.Cause(ctx))
		return
	}
	for got := s.sig; ; {
		_ = a.ses.Engine.Kill(life, a.c.ID, signalName(got)) // it may have ended meanwhile
		select {
		case got = <-sigs.again:
		case <-life.Done():
			return
		}
	}
}

func signalName(s os.Signal) string {
	for name, n := range signal.SignalMap {
		if n == s {
			return name
		}
	}
	return fmt.Sprint(int(unix.SIGTERM))
}
