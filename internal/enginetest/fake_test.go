package enginetest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/enginetest"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

func withImage() *enginetest.Fake {
	f := enginetest.New()
	f.AddImage("img:1", "sha256:1", "sha256:1")
	return f
}

func TestFakeKeepsTheContract(t *testing.T) {
	enginetest.Suite(t, func(*testing.T) enginetest.Engine {
		f := withImage()
		f.AddImage("far:1", "", "sha256:far")
		f.AddImage("packed:1", "", "sha256:packed")
		return f
	}, enginetest.Images{Present: "img:1", Pullable: "far:1", Digest: "sha256:far", Archive: "any.tar", Archived: "packed:1", Pushable: "img:1"})
}

func box(id string) executor.ContainerSpec {
	return executor.ContainerSpec{
		ID: id, Stack: "s", Ref: planner.Ref{Kind: planner.KindContainer, Name: "a", Index: 1}, Digest: "sha256:1",
		Service: spec.Service{Name: "a", Image: "img:1"},
	}
}

func TestFakeIsStrict(t *testing.T) {
	tests := []struct {
		name string
		do   func(context.Context, *enginetest.Fake) error
	}{
		{"start twice", func(ctx context.Context, f *enginetest.Fake) error {
			return errors.Join(f.Start(ctx, "a1"), f.Start(ctx, "a1"))
		}},
		{"two incarnations at once", func(ctx context.Context, f *enginetest.Fake) error {
			return errors.Join(f.Start(ctx, "a1"), f.Create(ctx, box("a2")), f.Start(ctx, "a2"))
		}},
		{"no image", func(ctx context.Context, f *enginetest.Fake) error {
			c := box("a2")
			c.Digest = "sha256:2"
			return f.Create(ctx, c)
		}},
		{"no network", func(ctx context.Context, f *enginetest.Fake) error {
			c := box("a2")
			c.Networks = []spec.Network{{Key: "n", Name: "s_n"}}
			return f.Create(ctx, c)
		}},
		{"foreign network", func(ctx context.Context, f *enginetest.Fake) error {
			f.AddNetwork(planner.Network{Name: "n", Stack: "other"})
			return f.RemoveNetwork(ctx, "s", "n")
		}},
		{"no such image to pull", func(ctx context.Context, f *enginetest.Fake) error {
			return f.Pull(ctx, "img:2", "sha256:2", func(int64, int64) {})
		}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			f := withImage()
			if err := f.Create(t.Context(), box("a1")); err != nil {
				t.Fatal(err)
			}
			if err := tc.do(t.Context(), f); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestFakeFaultsComeAtTheirCall(t *testing.T) {
	f, bad := withImage(), errors.New("bad")
	f.Fail("Create", 2, bad)
	f.FailLate("Create", 3, bad)
	var got []error
	for _, id := range []string{"a1", "a2", "a3"} {
		got = append(got, f.Create(t.Context(), box(id)))
	}
	state, err := f.Observe(t.Context(), &spec.Stack{Name: "s"})
	if err != nil || len(state.Containers) != 2 || got[0] != nil || !errors.Is(got[1], bad) || !errors.Is(got[2], bad) {
		t.Errorf("got %v, %v, %d containers", got, err, len(state.Containers))
	}
}

func TestFakeWaitEndsWhenTheProcessDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := withImage()
		if err := errors.Join(f.Create(t.Context(), box("a1")), f.Start(t.Context(), "a1")); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Hour, func() { f.Exit("a1", 0) })
		began := time.Now()
		if err := f.Wait(t.Context(), "a1", spec.Completed); err != nil || time.Since(began) != time.Hour {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}
