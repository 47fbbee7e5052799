package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/enginetest"
	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/internal/tree"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// machine is the engine in memory with what use cases ask on top, and the
// helpers, whose calls come into one story.
type machine struct {
	*enginetest.Fake
	list       []inspect.Container
	users      map[string][]string // of volumes
	held       map[string][]string // volumes, by containers that stay
	releaseErr error
	ensureErr  error
	runErr     error
	files      string // a folder with one for each container

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

func (m *machine) Unlease(ctx context.Context, stack string) error {
	m.note(ctx, "unlease "+stack)
	return nil
}

func (m *machine) Expect(ctx context.Context, p *planner.Plan) { m.note(ctx, "expect "+p.Stack) }

// Pull tells whether it is called under a lease.
func (m *machine) Pull(ctx context.Context, ref, digest string, report func(done, total int64)) error {
	if ctx.Value(leaseKey{}) != nil {
		m.note(ctx, "leased pull")
	}
	return m.Fake.Pull(ctx, ref, digest, report)
}

func (m *machine) List(context.Context, string) ([]inspect.Container, error) {
	return slices.Clone(m.list), nil
}

// Files opens the folder that goes by the container's ID.
func (m *machine) Files(_ context.Context, id string, use func(*tree.Root) error) error {
	root, err := tree.Open(filepath.Join(m.files, id))
	if err != nil {
		return err
	}
	return errors.Join(use(root), root.Close())
}

// Mirror does so in the folder that goes by the container's ID.
func (m *machine) Mirror(ctx context.Context, id string, targets map[string]string, lazy bool) (notes []string, err error) {
	m.note(ctx, "mirror "+id)
	err = m.Files(ctx, id, func(root *tree.Root) (err error) {
		notes, err = root.Mirror(targets, tree.Mirroring{UID: os.Getuid(), GID: os.Getgid(), Lazy: lazy})
		return err
	})
	return notes, err
}

func (m *machine) Exec(context.Context, string, inspect.Process) (int, error) { return 0, nil }

func (m *machine) RunHook(context.Context, string, spec.Hook) error { return nil }

func (m *machine) EndBuilds() error { return nil }

// CheckBuild has something to say of one image.
func (m *machine) CheckBuild(_ context.Context, b executor.BuildSpec) (string, error) {
	if strings.Contains(b.Ref, "odd") {
		return "WARNING: odd", nil
	}
	return "", nil
}

// SweepBuilds implements Engine.
func (m *machine) SweepBuilds(context.Context) error { return nil }

// Run starts the container; the process is done at once, by exit code 7.
func (m *machine) Run(ctx context.Context, id string, p inspect.Process) (int, error) {
	m.note(ctx, "run "+id)
	return 7, errors.Join(m.Start(ctx, id), m.runErr)
}

func (m *machine) RemoveRun(ctx context.Context, id string) error {
	m.note(ctx, "remove run")
	return errors.Join(m.Stop(ctx, id, 0), m.Remove(ctx, id))
}

// LocalImages implements ImageFinder.
func (m *machine) LocalImages(ctx context.Context, refs []string) (map[string]string, error) {
	asked := &spec.Stack{}
	for _, ref := range refs {
		asked.Services = append(asked.Services, spec.Service{Image: ref})
	}
	st, err := m.Observe(ctx, asked)
	out := map[string]string{}
	for _, i := range st.Images {
		if i.Local != "" {
			out[i.Ref] = i.Local
		}
	}
	return out, err
}

// Volumes implements VolumeFinder.
func (m *machine) Volumes(ctx context.Context) ([]planner.Volume, error) {
	st, err := m.Observe(ctx, &spec.Stack{})
	return st.Volumes, err
}

// RemoveVolume keeps one that is in use, as the engine does.
func (m *machine) RemoveVolume(ctx context.Context, stack, name string) error {
	if u := m.held[name]; len(u) > 0 {
		return fmt.Errorf("volume %s is in use by container %s", name, strings.Join(u, ", "))
	}
	return m.Fake.RemoveVolume(ctx, stack, name)
}

// AnonymousUsers implements AnonymousFinder.
func (m *machine) AnonymousUsers(context.Context, string) (map[string][]string, error) {
	return m.users, nil
}

// Ended implements Ender: what runs has not ended yet.
func (m *machine) Ended(ctx context.Context, id string) (int, error) {
	i := slices.IndexFunc(m.list, func(c inspect.Container) bool { return c.ID == id })
	if m.list[i].Task == planner.TaskRunning {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return m.list[i].ExitCode, nil
}

// Ensure implements Helpers.
func (m *machine) Ensure(ctx context.Context) error {
	m.note(ctx, "ensure")
	return m.ensureErr
}

// newApp gives use cases on a machine that has the image img:1, and can pull
// img:2.
func newApp(t *testing.T) (*App, *machine) {
	t.Helper()
	m := &machine{Fake: enginetest.New()}
	m.AddImage("img:1", "sha256:1", "sha256:1")
	m.AddImage("img:2", "", "sha256:2")
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

// withPull is a stack whose db has to be pulled.
func withPull(s *spec.Stack) *spec.Stack {
	s.Services[0].Image = "img:2"
	return s
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
