package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"stackup.dev/stackup/bench/internal/report"
	"stackup.dev/stackup/bench/internal/tool"
)

const (
	common = 50 // the largest stack that every tool gets
	rest   = 300 * time.Millisecond

	// A turn that takes as long as slow is taken in the first few rounds only.
	slow = 20 * time.Second
	few  = 3
)

// remark tells the reader of the table.
var remark = fmt.Sprintf("%d of turns that take %v or longer", few, slow)

var (
	allTools     = []string{"stackup", "stackup-system", "docker", "nerdctl", "floor-one", "floor-each"}
	defaultTools = []string{"stackup", "docker", "nerdctl", "floor-one", "floor-each"}
)

// contender is a tool in the turn.
type contender interface {
	Start(ctx context.Context, images tool.Images) error
	Stop(ctx context.Context)
	Version(ctx context.Context) string
}

// run is one session.
type run struct {
	options
	stacks  stacks
	result  *report.Result
	known   map[string]contender
	ordered []string        // those that take their turns
	over    map[string]bool // turns that have failed, or been taken often enough
}

// inside is the whole session.
func inside(ctx context.Context, o options) (err error) {
	dir := os.Getenv(folder)
	images, err := makeImages(o, dir)
	if err != nil {
		return err
	}
	r := &run{
		options: o, stacks: stacks{dir: filepath.Join(dir, "stacks")},
		known: contenders(o.place(dir)), over: map[string]bool{},
		result: &report.Result{Machine: report.ThisMachine(), Rounds: o.rounds, Remark: remark, Versions: map[string]string{}, Failed: map[string]string{}, Tools: o.tools},
	}
	defer r.stop(context.WithoutCancel(ctx))
	r.start(ctx, images)
	for i := range o.rounds {
		if ctx.Err() != nil {
			break // what there is so far is still told
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", i+1, o.rounds)
		r.round(ctx, i)
	}
	r.result.Finish()
	return errors.Join(r.result.Table(os.Stdout), r.save(), ctx.Err())
}

func contenders(p tool.Place) map[string]contender {
	return map[string]contender{
		"stackup": tool.Stackup(p), "stackup-system": tool.StackupOnSystem(p),
		"docker": tool.Docker(p), "nerdctl": tool.Nerdctl(p),
		"floor-one": tool.FloorWith(p, "one", busybox), "floor-each": tool.FloorWith(p, "each", busybox),
	}
}

// start starts every engine and warms it up once. A tool that cannot is left
// out of the turn, and the table says why.
func (r *run) start(ctx context.Context, images tool.Images) {
	for _, name := range r.tools {
		fmt.Fprintf(os.Stderr, "start %s\n", name)
		t := r.known[name]
		err := t.Start(ctx, images)
		if err == nil {
			r.result.Versions[name] = t.Version(ctx)
			err = r.warmUp(ctx, name)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s is left out: %v\n", name, err)
			r.result.Failed[name] = err.Error()
			t.Stop(ctx)
			continue
		}
		r.ordered = append(r.ordered, name)
	}
}

// warmUp carries out a small stack and the nginx example, unmeasured: pages of
// programs and unpacked images are then where they always are.
func (r *run) warmUp(ctx context.Context, name string) error {
	t, ok := r.known[name].(*tool.Compose)
	if !ok {
		return nil // the floor's start has done it
	}
	warm := &sequence{run: r, tool: t, n: 1, note: func(report.ID, float64) {}}
	if err := warm.all(ctx); err != nil || !slices.Contains(r.kinds, report.Nginx) {
		return err
	}
	return warm.nginx(ctx)
}

func (r *run) stop(ctx context.Context) {
	for _, name := range r.ordered {
		r.known[name].Stop(ctx)
	}
}

func (r *run) save() error {
	if r.json == "" {
		return nil
	}
	f, err := os.Create(r.json)
	if err != nil {
		return err
	}
	return errors.Join(r.result.JSON(f), f.Close())
}
