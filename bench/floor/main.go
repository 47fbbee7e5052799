// Floor measures what containerd itself takes: the same containers that a
// stack has, made and removed by its bare client, four at a time. No compose
// tool on containerd can be faster; how near stackup comes is what bench
// compares. Nothing of stackup is in it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

type options struct {
	address, namespace, image, load, runtime, kill string

	shim      shimMode
	n, rounds int
	json      bool
}

// result is one round: all containers up, a look at their shims, all down.
type result struct {
	UpMS    float64 `json:"up_ms"`
	DownMS  float64 `json:"down_ms"`
	UpCPU   float64 `json:"up_cpu_ms"` // of the whole machine
	DownCPU float64 `json:"down_cpu_ms"`
	Shims   int     `json:"shims"`
	ShimPSS int     `json:"shim_pss_kb"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, parse()); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		stop()
		os.Exit(1)
	}
}

func parse() options {
	var o options
	flag.StringVar(&o.address, "address", "/run/containerd/containerd.sock", "containerd's `socket`")
	flag.StringVar(&o.namespace, "namespace", "floor", "containerd's namespace, which the rounds have for themselves")
	flag.StringVar(&o.image, "image", "stackup.test/busybox:1", "image with a /bin/sleep; it must be there")
	flag.StringVar(&o.load, "load", "", "archive to load the image from first")
	flag.StringVar(&o.runtime, "runtime", "", "OCI runtime `program`; empty for the one that the shim finds")
	flag.StringVar(&o.kill, "kill", "pidfd", "end processes by pidfd, or by the engine's api")
	flag.IntVar(&o.n, "n", 1, "containers")
	flag.IntVar(&o.rounds, "rounds", 1, "rounds")
	flag.BoolVar(&o.json, "json", false, "print JSON, a line for each round")
	o.shim = each
	flag.Var(&o.shim, "shim", "each, group, one or join (see shim.go)")
	flag.Parse()
	return o
}

func run(ctx context.Context, o options) error {
	if o.n < 1 || o.n > 250 {
		return errors.New("-n is from 1 to 250")
	}
	if err := load(ctx, o); err != nil {
		return fmt.Errorf("load %s: %w", o.load, err)
	}
	for range o.rounds {
		r, err := round(ctx, o)
		if err != nil {
			return err
		}
		if err := show(r, o.json); err != nil {
			return err
		}
	}
	return nil
}

func show(r result, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	_, err := fmt.Fprintf(os.Stdout, "up %5.0f ms (%5.0f CPU)  down %5.0f ms (%5.0f CPU)  %d shims %6d kB\n",
		r.UpMS, r.UpCPU, r.DownMS, r.DownCPU, r.Shims, r.ShimPSS)
	return err
}

// round makes a world of its own and takes it down again, even if up fails.
func round(ctx context.Context, o options) (r result, err error) {
	dir, err := os.MkdirTemp("", "floor-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f := &floor{options: o, dir: dir}
	r.UpMS, r.UpCPU, err = timed(func() error { return f.up(ctx) })
	if err == nil {
		r.Shims, r.ShimPSS, err = shimMemory(o.address, o.namespace)
	}
	var downErr error
	r.DownMS, r.DownCPU, downErr = timed(func() error { return f.down(context.WithoutCancel(ctx)) })
	return r, errors.Join(err, downErr, f.sweep())
}

// timed gives the milliseconds that f took, and those of the machine's
// processors in that time.
func timed(f func() error) (ms, cpu float64, err error) {
	before, err := machineCPU()
	if err != nil {
		return 0, 0, err
	}
	start := time.Now()
	err = f()
	ms = float64(time.Since(start).Microseconds()) / 1000
	after, cpuErr := machineCPU()
	return ms, after - before, errors.Join(err, cpuErr)
}
