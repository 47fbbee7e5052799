package engine

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"stackup.dev/stackup/internal/statedir"
)

// TestMain makes the test program what Start calls: `engine run`. `engine
// start` lets a test call Start from a process of its own.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "engine" {
		if err := engineCommand(os.Args[2], os.Args[3:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func engineCommand(verb string, args []string) error {
	flags := flag.NewFlagSet(verb, flag.ContinueOnError)
	root, state := flags.String("root", "", ""), flags.String("state", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	d, err := statedir.New(*root, *state)
	if err != nil {
		return err
	}
	libexec, err := Libexec()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM) //nolint:forbidigo // this is a program's main, not a test
	defer stop()
	if verb == "start" {
		return Start(ctx, d, libexec)
	}
	log, err := OpenLog(d)
	if err != nil {
		return err
	}
	return Serve(ctx, d, libexec, log, func(context.Context) {}, func() {})
}

// needRoot skips what only root can do.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: runs a real engine")
	}
}

// newDirs is a world with a path that is short enough for sockets.
func newDirs(t *testing.T) statedir.Dirs {
	t.Helper()
	base, err := os.MkdirTemp("/tmp", "su-") //nolint:usetesting // t.TempDir is too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(base); err != nil {
			t.Error(err)
		}
	})
	return statedir.Dirs{Root: filepath.Join(base, "root"), State: filepath.Join(base, "state")}
}

// newLibexec has programs that are only looked at, never run: no test here
// runs a container.
func newLibexec(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{ShimProgram, runcProgram, cniProgram} {
		script := "#!/bin/sh\necho runc version 9.9.9\necho spec: 1.3.0\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// running starts an engine that the test's end stops, and returns its process.
func running(t *testing.T, d statedir.Dirs, libexec string) int {
	t.Helper()
	t.Cleanup(func() {
		if err := Stop(context.WithoutCancel(t.Context()), d); err != nil {
			t.Error(err)
		}
	})
	if err := Start(t.Context(), d, libexec); err != nil {
		t.Fatal(err)
	}
	pid, err := peer(t.Context(), d.Socket())
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
