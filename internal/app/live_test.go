package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/watch"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// TestJobs: one job at a time for a service; what comes meanwhile is one job
// after it, what failed waits for the next, and newer changes end a build.
func TestJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done []Work
		fails := 1
		j := newJobs(func(_, stale context.Context, _ string, w Work) Work {
			select {
			case <-time.After(time.Second):
			case <-stale.Done():
				return w
			}
			if done = append(done, w); fails > 0 {
				fails--
				return w
			}
			return Work{}
		})
		one := func(name string) Work {
			return Work{Sync: map[string]string{"/" + name: name}, Changed: []string{name}}
		}
		ctx := t.Context()
		j.add(ctx, "web", one("a")) // fails
		time.Sleep(500 * time.Millisecond)
		j.add(ctx, "web", one("b"))
		j.add(ctx, "web", one("c")) // with b, and a again
		j.wait()
		j.add(ctx, "web", Work{Rebuild: true, Changed: []string{"d"}})
		time.Sleep(500 * time.Millisecond)
		j.add(ctx, "web", Work{Rebuild: true, Changed: []string{"e"}}) // ends the first
		j.wait()
		var got []string
		for _, w := range done {
			got = append(got, strings.Join(w.Changed, " "))
		}
		if diff := cmp.Diff([]string{"a", "a b c", "d e"}, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if done[1].Sync["/a"] != "a" || !done[2].Rebuild {
			t.Errorf("%+v", done)
		}
	})
}

// TestCopiesAreTriedAgain: copies that failed are tried again without a change, ever
// more seldom, until they succeed or ctx ends. What else has failed is not.
func TestCopiesAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, fails := time.Now(), 4
		var at []time.Duration
		j := newJobs(func(_, _ context.Context, _ string, w Work) Work {
			if at = append(at, time.Since(begin)); fails > 0 {
				fails--
				return w
			}
			return Work{}
		})
		ctx, cancel := context.WithCancel(t.Context())
		one := Work{Sync: map[string]string{"/a": "a"}, Changed: []string{"a"}}
		j.add(ctx, "web", one)
		time.Sleep(4 * time.Second) // it is tried after 1 s, and after 2 s more
		j.add(ctx, "web", one)      // something is saved: after 1 s again
		j.wait()
		want := []time.Duration{0, time.Second, 3 * time.Second, 4 * time.Second, 5 * time.Second}
		if diff := cmp.Diff(want, at); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		fails = 1
		j.add(ctx, "web", Work{Rebuild: true, Execs: []spec.Hook{{}}, Changed: []string{"b"}})
		j.wait()
		if time.Since(begin) != 5*time.Second {
			t.Errorf("a build was tried again, after %s", time.Since(begin))
		}
		fails = 1 << 30
		j.add(ctx, "web", one)
		time.Sleep(time.Hour)
		cancel()
		j.wait()
		if n := len(at); n < 100 || n > 200 { // one in 30 s
			t.Errorf("in an hour it was tried %d times", n)
		}
	})
}

// TestFailuresAreToldOnce: a failure that comes again by itself is not told again.
func TestFailuresAreToldOnce(t *testing.T) {
	a, m := newApp(t)
	var told int
	var took time.Duration
	l := &Live{App: a, Tell: func(a event.Action) { told++; took = a.Took }}
	l.Adopt(shop("shop"))
	try := func(w Work, want int) Work {
		t.Helper()
		left := l.Do(t.Context(), t.Context(), "web", w)
		if told != want {
			t.Errorf("told %d times, want %d", told, want)
		}
		return left
	}
	saved := Work{Since: time.Now().Add(-time.Hour), Changed: []string{"page"}, Sync: map[string]string{"/app/page": "page"}}
	left := try(saved, 1) // there is no container
	left = try(left.Merge(Work{Fill: true}), 1)
	saved.Since = time.Now().Add(-time.Minute)
	left = try(left.Merge(saved), 2)
	c := inspect.Container{}
	c.ID, c.Ref, c.Task = "w1", planner.Ref{Kind: planner.KindContainer, Name: "web", Index: 1}, planner.TaskRunning
	m.files, m.list = t.TempDir(), []inspect.Container{c}          // and it has no files
	left = try(left.Merge(Work{Fill: true, Since: time.Now()}), 3) // for a container that was started
	if took.Truncate(time.Minute) != time.Minute {                 // since the last save, not since the first that failed
		t.Errorf("it took %s", took)
	}
	try(left.Merge(Work{Fill: true}), 3)
}

func TestWorkOf(t *testing.T) {
	project := t.TempDir()
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir, out := filepath.Join(project, "src"), filepath.Join(project, "out")
	try(errors.Join(os.Mkdir(dir, 0o700), os.Mkdir(out, 0o700)))
	try(os.Symlink(out, filepath.Join(dir, "far")))
	try(os.Symlink("/etc/passwd", filepath.Join(dir, "theirs")))
	try(os.WriteFile(filepath.Join(dir, "near"), nil, 0o600))
	try(os.Symlink("near", filepath.Join(dir, "link")))
	hook := &spec.Hook{Command: []string{"x"}}
	s := &spec.Stack{Dir: project, Services: []spec.Service{
		{Name: "a", Watch: []spec.WatchRule{
			{Path: dir, Action: spec.WatchSync, Target: "/app", Ignore: []string{"*.log"}},
			{Path: filepath.Join(dir, "conf"), Action: spec.WatchSyncRestart, Target: "/etc/conf"},
		}},
		{Name: "b", Build: &spec.Build{Context: dir}, Watch: []spec.WatchRule{{Path: dir, Action: spec.WatchRebuild}}},
		{Name: "c", Mounts: []spec.Mount{{Type: "bind", Target: "/srv"}}, Watch: []spec.WatchRule{
			{Path: dir, Action: spec.WatchSyncExec, Target: "/srv/x", Exec: hook},
		}},
	}}
	rules, notes, err := rulesOf(s, nil, []string{filepath.Join(dir, "stack.yaml")}, func(*spec.Build) ([]string, error) { return []string{"*", "!near"}, nil })
	try(err)
	if len(rules) != 4 || len(notes) != 1 || !strings.Contains(notes[0], "mounted") {
		t.Fatalf("%d rules, %q", len(rules), notes)
	}
	b := watch.Batch{First: time.Unix(1, 0), Paths: []string{
		filepath.Join(dir, "conf"), filepath.Join(dir, "far"), filepath.Join(dir, "link"), filepath.Join(dir, "near"),
		filepath.Join(dir, "stack.yaml"), filepath.Join(dir, "theirs"), filepath.Join(dir, "x.log"),
	}}
	got := workOf(rules, b, filepath.Base)
	at := func(names ...string) (paths map[string]string) {
		paths = map[string]string{}
		for i := 0; i < len(names); i += 2 {
			paths[names[i]] = names[i+1]
		}
		return paths
	}
	want := map[string]Work{
		"a": {Since: b.First, Changed: []string{"conf", "far", "link", "near", "theirs"}, Restart: true, Sync: at(
			"/app/conf", filepath.Join(dir, "conf"), "/app/far", out, "/app/link", filepath.Join(dir, "link"), "/app/near", filepath.Join(dir, "near"), "/app/theirs", filepath.Join(dir, "theirs"),
			"/etc/conf", filepath.Join(dir, "conf"))},
		"b": {Since: b.First, Changed: []string{"near"}, Rebuild: true, Sync: at()},
		"c": {Since: b.First, Changed: []string{"conf", "far", "link", "near", "stack.yaml", "theirs", "x.log"}, Execs: []spec.Hook{*hook}, Sync: at()},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	s.Services[1].Build = nil
	if _, _, err := rulesOf(s, nil, nil, nil); err == nil || !strings.Contains(err.Error(), "has no build") {
		t.Errorf("a rebuild without a build: %v", err)
	}
}

// TestLive: copies are in every container, also in one that comes later; a
// stack that cannot be read, or that nobody consents to, changes nothing.
func TestLive(t *testing.T) {
	a, m := newApp(t)
	m.files = t.TempDir()
	here := filepath.Join(t.TempDir(), "page")
	for _, name := range []string{"w1", "w2", "w3"} {
		if err := os.MkdirAll(filepath.Join(m.files, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(here, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	replica := func(id string, n int) inspect.Container {
		c := inspect.Container{}
		c.ID, c.Name, c.Ref, c.Task = id, id, planner.Ref{Kind: planner.KindContainer, Name: "web", Index: n}, planner.TaskRunning
		return c
	}
	m.list = []inspect.Container{replica("w1", 1), replica("w2", 2)}
	var told []event.Action
	want := shop("shop")
	var wrong error
	l := &Live{App: a, Read: func(context.Context) (*spec.Stack, error) { return want, wrong }, Tell: func(a event.Action) { told = append(told, a) }}
	l.Adopt(want)
	left := l.Do(t.Context(), t.Context(), "web", Work{Since: time.Now(), Changed: []string{"page"}, Sync: map[string]string{"/app/page": here}})
	m.list = append(m.list, replica("w3", 3))
	if lacking, err := l.Lacking(t.Context()); err != nil || !slices.Equal(lacking, []string{"web"}) {
		t.Errorf("lacking: %v, %v", lacking, err)
	}
	left = left.Merge(l.Do(t.Context(), t.Context(), "web", Work{Fill: true}))
	for _, id := range []string{"w1", "w2", "w3"} {
		if b, err := os.ReadFile(filepath.Join(m.files, id, "app/page")); err != nil || string(b) != "one" {
			t.Errorf("%s: %q, %v", id, b, err)
		}
	}
	if lacking, err := l.Lacking(t.Context()); err != nil || len(lacking) > 0 || !left.Empty() {
		t.Errorf("lacking after all: %v, %v; left %+v", lacking, err, left)
	}
	if len(told) != 1 || !slices.Equal(told[0].Deeds, []event.Deed{event.Synced}) || told[0].Err != "" {
		t.Errorf("told %+v", told)
	}
	m.list = nil
	if left = l.Do(t.Context(), t.Context(), "web", Work{Sync: map[string]string{"/app/page": here}, Restart: true}); !left.Restart || len(left.Sync) != 1 {
		t.Errorf("of what cannot be done there is left %+v", left)
	}

	wrong = errors.New("stack.yaml:1:1: no")
	if err := l.Apply(t.Context(), []string{"stack.yaml"}, time.Now()); err == nil || len(m.acted("Create")) > 0 {
		t.Error("a wrong file was applied")
	}
	wrong = nil
	l.Consent = func(*planner.Plan) error { return ErrNotDone }
	if err := l.Apply(t.Context(), []string{"stack.yaml"}, time.Now()); !errors.Is(err, ErrNotDone) || len(m.acted("Create")) > 0 {
		t.Errorf("without consent: %v", err)
	}
	l.Consent = nil
	if err := l.Apply(t.Context(), []string{"stack.yaml"}, time.Now()); err != nil || len(m.acted("Create")) != 2 {
		t.Errorf("applied: %v, %v", err, m.acted("Create"))
	}
	if last := told[len(told)-1]; !slices.Equal(last.Services, []string{"db", "web"}) || last.Deeds[0] != event.Applied {
		t.Errorf("told %+v", last)
	}
}
