// Command stackup-logger writes down what the containers of one world print.
// One runs per pair of root and state folders; commands start it by need, and
// it ends by itself when no container is left. It can be killed at any time.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"stackup.dev/stackup/internal/logs"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/internal/twin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "stackup-logger:", err)
		os.Exit(1)
	}
}

type options struct {
	dirs       statedir.Dirs
	idle       time.Duration
	supervisor []string // argv, empty: do not watch it
}

func parse(args []string) (options, error) {
	fs := flag.NewFlagSet("stackup-logger", flag.ContinueOnError)
	root := fs.String("root", statedir.DefaultRoot, "folder that survives a reboot")
	state := fs.String("state", statedir.DefaultState, "folder that does not")
	idle := fs.Duration("idle-exit", 30*time.Second, "end after this time without containers; 0: never")
	supervisor := fs.String("supervisor-cmd", "", "JSON array: the command that starts the supervisor")
	if err := fs.Parse(args); err != nil {
		return options{}, err
	}
	dirs, err := statedir.New(*root, *state)
	o := options{dirs: dirs, idle: *idle}
	if err == nil && *supervisor != "" {
		err = json.Unmarshal([]byte(*supervisor), &o.supervisor)
	}
	if err != nil {
		return options{}, fmt.Errorf("bad flags: %w", err)
	}
	return o, nil
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	for again := true; again; {
		if again, err = collect(ctx, o, log); err != nil {
			return err
		}
	}
	return nil
}

// collect is one term in office, from taking the lock to giving it back. A
// container may be prepared in just the moment of an idle exit, by a command
// that still saw the lock taken; so it looks once more after giving it back.
func collect(ctx context.Context, o options, log *slog.Logger) (again bool, err error) {
	lock, err := takeLock(ctx, o.dirs)
	if lock == nil || err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		watchSupervisor(ctx, o, log, lock, cancel)
	}()
	err = (&logs.Collector{Dirs: o.dirs, Idle: o.idle, Log: log}).Run(ctx)
	cancel()
	<-watched
	if uerr := lock.Unlock(); err == nil {
		err = uerr
	}
	if !errors.Is(err, logs.ErrIdle) {
		return false, err
	}
	ids, err := logs.Folders(o.dirs)
	return len(ids) > 0, err
}

// takeLock gives no lock and no error when another logger is at work. It
// waits a little: the one before may be just dying.
func takeLock(ctx context.Context, dirs statedir.Dirs) (*statedir.Lock, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	lock, err := dirs.Lock(ctx, twin.Logger, nil)
	if statedir.IsLocked(err) {
		return nil, nil
	}
	return lock, err
}

func watchSupervisor(ctx context.Context, o options, log *slog.Logger, own *statedir.Lock, displaced func()) {
	if len(o.supervisor) == 0 {
		return
	}
	w := twin.Watcher{Dirs: o.dirs, Name: twin.Supervisor, Log: log, Own: own, Displaced: displaced, Respawn: func() error {
		return twin.Spawn(o.supervisor, o.dirs.HelpersLog())
	}}
	w.Run(ctx)
}
