package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"stackup.dev/stackup/internal/dev/slowness"
)

// runner runs units and reports on them.
type runner struct {
	o       options
	self    string       // this program
	convert string       // test2json
	slice   string       // of the kill matrices: E2E_SLICE
	tag     string       // begins the names of this run's folders below /tmp
	worlds  atomic.Int64 // made so far
	speed   slowness.Gauge
	report  reporter
}

// reporter is told of each unit that has ended. It may be called from many goroutines.
type reporter interface {
	ended(u unit, events []event, failed bool)
	// end is called once, after all.
	end()
}

// run runs what is to be run, and reports whether all of it passed.
func run(ctx context.Context, o options) (ok bool, err error) {
	if o.stackup, err = filepath.Abs(o.stackup); err != nil {
		return false, err
	}
	if o.rpcfault, err = filepath.Abs(o.rpcfault); err != nil {
		return false, err
	}
	shared, err := os.MkdirTemp("", "worlds-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(shared)
	for name, path := range map[string]string{
		"E2E_STACKUP": o.stackup, "E2E_RPCFAULT": o.rpcfault, "E2E_BUSYBOX": filepath.Join(shared, "busybox.tar"),
	} {
		if err := os.Setenv(name, path); err != nil {
			return false, err
		}
	}
	units, err := list(ctx, o)
	if err != nil {
		return false, err
	}
	r := &runner{o: o, tag: "su" + strconv.FormatInt(int64(os.Getpid()), 36)}
	if r.self, err = os.Executable(); err != nil {
		return false, err
	}
	if r.convert, err = test2json(); err != nil {
		return false, err
	}
	if r.slice = os.Getenv("E2E_SLICE"); r.slice == "" && !o.all {
		r.slice = commitSlice(ctx)
	}
	tally := newTally(units)
	r.report = tally
	if !o.summary {
		r.report = newStream(os.Stdout, tally)
	}
	r.all(ctx, units)
	r.report.end()
	if ctx.Err() != nil {
		if err := tally.missing(len(units), o.summary); err != nil {
			return false, err
		}
	}
	return tally.failed() == 0, nil
}

// all runs the units, as many at once as was asked for.
func (r *runner) all(ctx context.Context, units []unit) {
	next := make(chan unit)
	var workers sync.WaitGroup
	for range r.o.jobs {
		workers.Go(func() {
			for u := range next {
				r.one(ctx, u)
			}
		})
	}
	for _, u := range units {
		select {
		case next <- u:
		case <-ctx.Done():
		}
	}
	close(next)
	workers.Wait()
}

// one runs a unit, keeps its output, and reports on it.
func (r *runner) one(ctx context.Context, u unit) {
	log, out, err := r.keep(u)
	if err == nil {
		err = r.world(ctx, u, out, strings.TrimSuffix(log, ".log")+".spent")
		err = errors.Join(err, out.Close())
	}
	if ctx.Err() != nil && err != nil {
		return // it was interrupted: the result says nothing about the test
	}
	events, convErr := r.events(u, log)
	err = errors.Join(err, convErr)
	if err == nil && endOf(u.test, events) == "" {
		err = errors.New("the program has not run this test")
	}
	if err != nil {
		events = failing(u.test, events, fmt.Errorf("%w (its output: %s)", err, log))
	}
	r.report.ended(u, events, err != nil)
}

// keep opens the file for a unit's output. An earlier run's stays beside it.
func (r *runner) keep(u unit) (path string, f *os.File, err error) {
	dir := filepath.Join(r.o.logs, u.variant())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, err
	}
	for n := 0; ; n++ {
		path = filepath.Join(dir, u.test+".log")
		if n > 0 {
			path = filepath.Join(dir, fmt.Sprintf("%s.%d.log", u.test, n))
		}
		f, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if !os.IsExist(err) {
			return path, f, err
		}
	}
}

// worldLimit is how long a test may take on a quiet machine. A soak takes as long as
// it is told to, and this beside.
const worldLimit = 10 * time.Minute

func soakTime() (sum time.Duration) {
	for _, name := range []string{"STACKUP_SOAK", "STACKUP_HEALTH_SOAK"} {
		if d, err := time.ParseDuration(os.Getenv(name)); err == nil {
			sum += d
		}
	}
	return sum
}

// world runs a unit in a world of its own.
func (r *runner) world(ctx context.Context, u unit, out *os.File, spent string) error {
	slow, err := r.speed.Measure(r.o.stackup)
	if err != nil {
		return err
	}
	limit := time.Duration(float64(worldLimit)*slow) + soakTime()
	ctx, cancel := context.WithTimeout(ctx, limit+30*time.Second)
	defer cancel()
	groups := "cgroup1"
	if u.cgroup2 {
		groups = "cgroup2"
	}
	tag := r.tag + "." + strconv.FormatInt(r.worlds.Add(1), 36) + "-"
	c := exec.CommandContext(ctx, r.self, initArg, groups, u.suite.program,
		"-test.v=test2json", "-test.timeout", limit.String(), "-test.run", "^"+regexp.QuoteMeta(u.test)+"$")
	c.Dir = u.suite.folder
	spent, err = filepath.Abs(spent)
	if err != nil {
		return err
	}
	c.Env = append(os.Environ(), "E2E_ENGINE="+u.engine, fmt.Sprintf("E2E_SLOWNESS=%.2f", slow),
		"E2E_SPENT="+spent, "E2E_FOLDER="+tag, "E2E_SLICE="+r.slice)
	c.Stdout, c.Stderr = out, out
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL}
	err = c.Run()
	return errors.Join(err, sweep("/tmp/"+tag))
}

// commitSlice returns which part of each kill matrix this commit's run takes, as
// "K/N": every Nth kill from the Kth on, K being from 0 to N-1. Successive commits take
// different ones.
func commitSlice(ctx context.Context) string {
	const parts = 8
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "HEAD").Output()
	if err != nil || len(out) < 8 {
		return fmt.Sprintf("0/%d", parts) // no checkout: one part is as good as another
	}
	n, err := strconv.ParseUint(string(out[:8]), 16, 32)
	if err != nil {
		return fmt.Sprintf("0/%d", parts)
	}
	return fmt.Sprintf("%d/%d", n%parts, parts)
}
