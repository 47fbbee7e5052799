// Command stackup runs a Compose file on plain containerd.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/app"
)

// version is stamped by the build.
var version = "dev"

// The exit codes. A process that ran in a container gives its own.
const (
	exitOK          = 0
	exitError       = 1
	exitChanges     = 2 // plan --exit-code only
	exitInterrupted = 130
	exitTerminated  = 143
)

func main() {
	briefly()
	os.Exit(run())
}

func run() int {
	logrus.SetOutput(io.Discard) // libraries warn there; what matters comes as a notice
	ctx, sigs := signals()
	defer sigs.stop()
	g := &globals{sigs: sigs}
	err := newRoot(g).ExecuteContext(ctx)
	var code exitCode
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	}
	var s *signalError
	interrupted := errors.As(context.Cause(ctx), &s)
	switch {
	case interrupted:
		fmt.Fprintln(os.Stderr, "stackup:", s)
		return s.exitCode()
	case !g.told(err):
		fmt.Fprintln(os.Stderr, "stackup:", err)
	}
	return exitError
}

// told says whether the progress has shown the error in full already.
func (g *globals) told(err error) bool {
	var steps *app.StepsError
	return errors.As(err, &steps) && (g.progress == "auto" || g.progress == "tty" || g.progress == "plain")
}

// exitCode is an error that has said all it has to say but its code.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// signalError is the cause of a context that a signal has ended.
type signalError struct{ sig os.Signal }

func (e *signalError) Error() string { return "ended by signal: " + e.sig.String() }

func (e *signalError) exitCode() int {
	if e.sig == unix.SIGTERM {
		return exitTerminated
	}
	return exitInterrupted
}

// interrupts delivers the signals after the first one, which ends the context.
type interrupts struct {
	again chan os.Signal
	stop  func()
}

// second is closed by the second signal, which then does nothing else.
func (i *interrupts) second() <-chan struct{} {
	out := make(chan struct{})
	go func() {
		<-i.again
		close(out)
	}()
	return out
}

// signals gives the context that the first SIGINT, SIGTERM or SIGHUP ends:
// nothing new is begun, what has begun is cleaned up. A second signal goes to
// interrupts; where nobody listens there, it ends the program at once.
func signals() (context.Context, *interrupts) {
	ctx, cancel := context.WithCancelCause(context.Background())
	in := make(chan os.Signal, 3)
	signal.Notify(in, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	i := &interrupts{again: make(chan os.Signal), stop: func() { signal.Stop(in); cancel(nil) }}
	go func() {
		cancel(&signalError{<-in})
		for s := range in {
			select {
			case i.again <- s:
			default:
				fmt.Fprintln(os.Stderr, "stackup: interrupted again: leaving now; run the command again to converge")
				os.Exit((&signalError{s}).exitCode())
			}
		}
	}()
	return ctx, i
}
