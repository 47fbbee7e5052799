package executor_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/enginetest"
	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

func shop(env string) *spec.Stack {
	net := []spec.Attachment{{Network: "default"}}
	return &spec.Stack{
		Name:     "shop",
		Dir:      "/srv/shop",
		Networks: []spec.Network{{Key: "default", Name: "shop_default"}},
		Volumes:  []spec.Volume{{Key: "data", Name: "shop_data"}},
		Services: []spec.Service{
			{
				Name: "db", Image: "pg:16", Replicas: 1, Networks: net, Healthcheck: &spec.Healthcheck{Test: []string{"CMD", "true"}},
				Mounts: []spec.Mount{{Type: spec.MountVolume, Source: "data", Target: "/data"}},
			},
			{
				Name: "web", Image: "nginx:2", Replicas: 2, Networks: net, Healthcheck: &spec.Healthcheck{Test: []string{"CMD", "true"}},
				Environment: []spec.Pair{{Name: "LOG", Value: env}},
				DependsOn:   []spec.Dependency{{Service: "db", Condition: spec.Healthy}},
			},
		},
	}
}

func fake() *enginetest.Fake {
	f := enginetest.New()
	f.AddImage("pg:16", "", "sha256:16")
	f.AddImage("nginx:2", "sha256:2", "sha256:2")
	return f
}

func plan(t *testing.T, f *enginetest.Fake, s *spec.Stack, o planner.Options) *planner.Plan {
	t.Helper()
	state, err := f.Observe(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	p, err := planner.Make(s, state, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func run(t *testing.T, f *enginetest.Fake, s *spec.Stack, o planner.Options) {
	t.Helper()
	x := executor.Executor{Engine: f}
	if _, err := x.Run(t.Context(), plan(t, f, s, o)); err != nil {
		t.Fatal(err)
	}
}

// running lists the IDs of containers that run.
func running(t *testing.T, f *enginetest.Fake, s *spec.Stack) (ids []string) {
	t.Helper()
	state, err := f.Observe(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range state.Containers {
		if c.Task == planner.TaskRunning {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func wantRunning(t *testing.T, f *enginetest.Fake, s *spec.Stack, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, running(t, f, s)); diff != "" {
		t.Errorf("running (-want +got):\n%s", diff)
	}
}

func TestRunBringsUpChangesAndTakesDown(t *testing.T) {
	f, s := fake(), shop("info")
	run(t, f, s, planner.Options{Wait: true})
	wantRunning(t, f, s, "shop-db-1-g1", "shop-web-1-g1", "shop-web-2-g1")
	if p := plan(t, f, s, planner.Options{Wait: true}); !p.Empty() {
		t.Errorf("second plan:\n%s", p)
	}
	s = shop("debug")
	run(t, f, s, planner.Options{})
	wantRunning(t, f, s, "shop-db-1-g1", "shop-web-1-g2", "shop-web-2-g2")
	run(t, f, s, planner.Options{Down: true, RemoveVolumes: true})
	state, err := f.Observe(t.Context(), &spec.Stack{Name: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(state.Containers) + len(state.Networks) + len(state.Volumes); n > 0 {
		t.Errorf("left: %+v", state)
	}
}

func TestRunGetsTheOldOneBack(t *testing.T) {
	tests := []struct {
		name  string
		fault func(*enginetest.Fake)
		want  string
	}{
		{"start fails", func(f *enginetest.Fake) { f.Fail("Start", 4, errors.New("no such file")) }, "start web.1: no such file"},
		{"unhealthy", func(f *enginetest.Fake) { f.Sicken("web", true) }, "wait web.1: container shop-web-1-g2 is unhealthy"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			f := fake()
			run(t, f, shop("info"), planner.Options{})
			tc.fault(f)
			s := shop("debug")
			s.Services[1].Replicas = 1
			x := executor.Executor{Engine: f, Parallel: 1}
			_, err := x.Run(t.Context(), plan(t, f, s, planner.Options{}))
			if err == nil || err.Error() != tc.want {
				t.Errorf("got %v, want %s", err, tc.want)
			}
			wantRunning(t, f, s, "shop-db-1-g1", "shop-web-1-g1")
			f.Sicken("web", false)
			run(t, f, s, planner.Options{})
			wantRunning(t, f, s, "shop-db-1-g1", "shop-web-1-g2")
		})
	}
}

func TestRunCleansUpAnInterruptedCreate(t *testing.T) {
	for _, effect := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := fake()
			f.Hang("Create", 1, effect)
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("a minute is over"))
			defer cancel()
			x := executor.Executor{Engine: f}
			report, err := x.Run(ctx, plan(t, f, shop("info"), planner.Options{}))
			if err == nil || !strings.Contains(err.Error(), "interrupted: a minute is over") {
				t.Errorf("got %v", err)
			}
			last := f.Calls()[len(f.Calls())-1]
			if last.Method != "Remove" || report.Failed == 0 {
				t.Errorf("last call %v, report %+v", last, report)
			}
			run(t, f, shop("info"), planner.Options{})
		})
	}
}

// TestRunRescuesAfterTheEnd: a run that is cut short between the stop of the
// old one and the start of the new one leaves the old one serving.
func TestRunRescuesAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fake()
		before, s := shop("info"), shop("debug")
		before.Services[1].Replicas, s.Services[1].Replicas = 1, 1
		run(t, f, before, planner.Options{})
		f.Hang("Start", 3, false)
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(errors.New("signal interrupt")) })
		x := executor.Executor{Engine: f, Parallel: 1}
		_, err := x.Run(ctx, plan(t, f, s, planner.Options{}))
		if err == nil || !strings.Contains(err.Error(), "start web.1: interrupted: signal interrupt") {
			t.Errorf("got %v", err)
		}
		wantRunning(t, f, s, "shop-db-1-g1", "shop-web-1-g1")
	})
}

func TestRunTellsOfProgressAndSkips(t *testing.T) {
	f := fake()
	f.Fail("CreateVolume", 1, errors.New("no space"))
	var events []event.Event
	x := executor.Executor{
		Engine: f, Parallel: 1, Now: func() time.Time { return time.Unix(0, 0) },
		Events: event.Func(func(e event.Event) {
			if e.Step == "pull/pg:16" || e.Step == "create/db.1" {
				events = append(events, e)
			}
		}),
	}
	p := plan(t, f, shop("info"), planner.Options{Only: []string{"db"}})
	if _, err := x.Run(t.Context(), p); err == nil || err.Error() != "create volume/data: no space" {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, e := range events {
		got = append(got, string(e.Step)+" "+string(e.Phase)+" "+e.Text)
	}
	for _, want := range []string{"pull/pg:16 started ", "pull/pg:16 progress ", "pull/pg:16 done ", "create/db.1 skipped create/volume/data failed"} {
		if !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
}

func TestRunRefusesPlansOutOfOrder(t *testing.T) {
	steps := map[string][]planner.Step{
		"twice":    {{ID: "a"}, {ID: "a"}},
		"forwards": {{ID: "a", Needs: []planner.StepID{"b"}}, {ID: "b"}},
		"itself":   {{ID: "a", Rescue: []planner.StepID{"a"}}},
	}
	for name, s := range steps {
		t.Run(name, func(t *testing.T) {
			x := executor.Executor{Engine: enginetest.New()}
			if _, err := x.Run(t.Context(), &planner.Plan{Steps: s}); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestSpecForTakesAllFromThePlan(t *testing.T) {
	f, s := fake(), shop("info")
	p := plan(t, f, s, planner.Options{})
	for _, step := range p.Steps {
		if step.ID != "create/db.1" {
			continue
		}
		got, err := executor.SpecFor(p, step)
		if err != nil {
			t.Fatal(err)
		}
		want := executor.ContainerSpec{
			ID: "shop-db-1-g1", Stack: "shop", Dir: "/srv/shop", Ref: step.Ref, Generation: 1, Name: "shop-db-1",
			Digest: "sha256:16", Hash: s.Services[0].Hash(), Service: s.Services[0], Networks: s.Networks, Volumes: s.Volumes,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		return
	}
	t.Error("no such step")
}
