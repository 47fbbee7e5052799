//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// engineKind names an engine: the embedded one, or a system containerd below
// build/engines.
type engineKind string

const (
	embedded      engineKind = "embedded"
	containerd24  engineKind = "containerd-2.4"
	containerdDeb engineKind = "containerd-debian"
)

// listing is what a run that lists its tests notes of each, a JSON line.
// internal/dev/worlds reads it.
type listing struct {
	Test    string       `json:"test"`
	Engines []engineKind `json:"engines"` // that the test can run on, the preferred one first
	Always  bool         `json:"always"`  // on each of them in every run, not on the first alone
	Slow    bool         `json:"slow"`    // to be started early
	Cgroup2 bool         `json:"cgroup2"` // also on cgroup v2 in every run
}

// worldOptions is what a test asks for of its world.
type worldOptions struct {
	listing
	beneath []func(*testing.T)
}

type worldOption func(*worldOptions)

// only says that a test is about some engines. Every other test can run on all of them.
func only(kinds ...engineKind) worldOption {
	return func(o *worldOptions) { o.Engines = kinds }
}

// onEveryEngine says that `make test` runs the test on every engine. It runs the
// others on one; `make test-all` runs all on every engine.
func onEveryEngine() worldOption { return func(o *worldOptions) { o.Always = true } }

// onCgroup2 says that `make test` runs the test on cgroup v2 too.
func onCgroup2() worldOption { return func(o *worldOptions) { o.Cgroup2 = true } }

// slowly says that the test takes more than ten seconds: a run starts it early.
func slowly() worldOption { return func(o *worldOptions) { o.Slow = true } }

// beneath runs f before the world is made. What f leaves to t.Cleanup is undone when
// the world has been taken down.
func beneath(f func(*testing.T)) worldOption {
	return func(o *worldOptions) { o.beneath = append(o.beneath, f) }
}

// chooseEngine returns the engine of a test in this run: E2E_ENGINE, or the test's
// preferred one where that is not set. It skips the test if that engine is none of
// the test's. With E2E_LIST set it appends the test's listing to the file of that
// name, and skips it.
func chooseEngine(t *testing.T, opts []worldOption) engineKind {
	t.Helper()
	o := worldOptions{listing: listing{Test: t.Name(), Engines: []engineKind{embedded, containerd24, containerdDeb}}}
	for _, set := range opts {
		set(&o)
	}
	if path := os.Getenv("E2E_LIST"); path != "" {
		o.note(t, path)
		t.Skip("listed")
	}
	kind := engineKind(os.Getenv("E2E_ENGINE"))
	if kind == "" {
		kind = o.Engines[0]
	}
	if !slices.Contains(o.Engines, kind) {
		t.Skipf("runs on %v only", o.Engines)
	}
	for _, f := range o.beneath {
		f(t)
	}
	return kind
}

func (l listing) note(t *testing.T, path string) {
	t.Helper()
	line, err := json.Marshal(l)
	check(t, err)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	check(t, err)
	defer f.Close()
	_, err = f.Write(append(line, '\n'))
	check(t, err)
}
