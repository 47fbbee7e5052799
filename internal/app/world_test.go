package app

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"stackup.dev/stackup/internal/enginetest"
	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/spec"
)

// machine is the engine in memory with what use cases ask on top, and the
// helpers, whose calls come into one story.
type machine struct {
	*enginetest.Fake
	list       []inspect.Container
	releaseErr error
	ensureErr  error

	mu    sync.Mutex
	story []string
	ended []string // calls that came with a context that had ended
}

var _ Engine = (*machine)(nil)

func (m *machine) note(ctx context.Context, what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.story = append(m.story, what)
	if ctx.Err() != nil {
		m.ended = append(m.ended, what)
	}
}

type leaseKey struct{}

func (m *machine) Lease(ctx context.Context, stack string) (context.Context, func(context.Context) error, error) {
	m.note(ctx, "lease "+stack)
	release := func(ctx context.Context) error {
		m.note(ctx, "release "+stack)
		return m.releaseErr
	}
	return context.WithValue(ctx, leaseKey{}, stack), release, nil
}

// CreateNetwork tells whether it is called under the lease.
func (m *machine) CreateNetwork(ctx context.Context, stack string, n spec.Network) error {
	if ctx.Value(leaseKey{}) == stack {
		m.note(ctx, "leased work")
	}
	return m.Fake.CreateNetwork(ctx, stack, n)
}

func (m *machine) List(context.Context, string) ([]inspect.Container, error) {
	return slices.Clone(m.list), nil
}

func (m *machine) Exec(context.Context, string, inspect.Process) (int, error) { return 0, nil }

// Ensure implements Helpers.
func (m *machine) Ensure(ctx context.Context) error {
	m.note(ctx, "ensure")
	return m.ensureErr
}

// newApp gives use cases on a machine that has the image img:1.
func newApp(t *testing.T) (*App, *machine) {
	t.Helper()
	m := &machine{Fake: enginetest.New()}
	m.AddImage("img:1", "sha256:1", "sha256:1")
	a := &App{
		Engine: m, Helpers: m, Events: event.Discard, Log: slog.New(slog.DiscardHandler),
		Dirs: statedir.Dirs{Root: t.TempDir(), State: t.TempDir()},
	}
	return a, m
}

// shop is a stack of a web that needs a db.
func shop(name string) *spec.Stack {
	net := []spec.Attachment{{Network: "default"}}
	return &spec.Stack{
		Name: name, Dir: "/srv/shop", Networks: []spec.Network{{Key: "default", Name: name + "_default"}},
		Services: []spec.Service{
			{Name: "db", Image: "img:1", Replicas: 1, Networks: net},
			{Name: "web", Image: "img:1", Replicas: 1, Networks: net, DependsOn: []spec.Dependency{{Service: "db", Condition: spec.Started}}},
		},
	}
}

// acted gives the objects of all calls of one method, in order.
func (m *machine) acted(method string) []string {
	var out []string
	for _, c := range m.Calls() {
		if c.Method == method {
			out = append(out, c.Object)
		}
	}
	return out
}
