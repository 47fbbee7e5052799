// Command worlds runs the tests of e2e side by side, each in a world of its own: a
// process in network, mount and PID namespaces that hold nothing else. It prints the
// events of `go test -json`, so that gotestsum shows them and runs failed tests again.
//
//	worlds [flags] [PACKAGE]
//
// What a test needs of the machine, and on which engines it can run, the test itself
// says (e2e/engines_test.go). PACKAGE, as in the events, chooses one variant.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	suites   suites        // what is to be run
	stackup  string        // the program under test
	rpcfault string        // e2e/rpcfault, as a program
	pattern  string        // of the tests' names
	all      bool          // every test in every variant that it can run in
	variant  string        // the one to run; empty: all that -all and the tests ask for
	jobs     int           // tests at once
	count    int           // runs of each test
	limit    time.Duration // of the whole run
	logs     string        // folder for each test's output
	summary  bool          // print failures per test, not events
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == initArg {
		os.Exit(runInit(os.Args[2:]))
	}
	var o options
	flag.Var(&o.suites, "suite", "a package's `FOLDER=PROGRAM` that is its tests; may be repeated")
	flag.StringVar(&o.stackup, "stackup", "bin/stackup", "the program under test")
	flag.StringVar(&o.rpcfault, "rpcfault", "build/test/rpcfault", "the program of e2e/rpcfault")
	flag.StringVar(&o.pattern, "test.run", ".", "regular expression for the tests' names")
	flag.BoolVar(&o.all, "all", false, "run every test on every engine, and on cgroup v2")
	flag.IntVar(&o.jobs, "jobs", 2*runtime.NumCPU(), "tests at once")
	flag.IntVar(&o.count, "count", 1, "runs of each test")
	flag.DurationVar(&o.limit, "limit", time.Hour+soakTime(), "end all tests after this time")
	flag.StringVar(&o.logs, "logs", "build/test/e2e", "folder for the tests' outputs")
	flag.BoolVar(&o.summary, "summary", false, "print failures per test in place of events")
	flag.Parse()
	if o.jobs < 1 || o.count < 1 {
		fmt.Fprintln(os.Stderr, "worlds: -jobs and -count are 1 at least")
		os.Exit(3)
	}
	o.variant = flag.Arg(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	ok, err := run(ctx, o)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "worlds:", err)
		os.Exit(3)
	case !ok:
		os.Exit(1)
	}
}
