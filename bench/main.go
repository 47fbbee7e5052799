// Bench runs stackup and what it is compared with in turn, A B A B, on the
// same stacks in one session, and prints medians and ratios as a table, and
// all values as JSON. It runs as root, in namespaces of its own: see
// docs/performance.md and bench/internal/box.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"stackup.dev/stackup/bench/internal/box"
)

// folder is the variable that names the folder of a run.
const folder = "STACKUP_BENCH_FOLDER"

func main() {
	box.Enter()
	o, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if !box.In() {
		os.Exit(outside(o))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := inside(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// outside makes the box and clears away what it cannot take along.
func outside(o options) int {
	code, err := func() (code int, err error) {
		if os.Geteuid() != 0 {
			return 1, errors.New("containers need root")
		}
		dir, err := os.MkdirTemp(o.tmp, "stackup-bench-")
		if err != nil {
			return 1, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		defer func() { err = errors.Join(err, box.Sweep(o.place(dir).Groups())) }()
		if err := os.Setenv(folder, dir); err != nil {
			return 1, err
		}
		return box.Run(os.Args[1:])
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return max(code, 1)
	}
	return code
}
