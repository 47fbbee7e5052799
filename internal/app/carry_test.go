package app

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/planner"
)

// free says whether the stack's lock can be had at once.
func free(t *testing.T, a *App, stack string) bool {
	t.Helper()
	l, err := a.Dirs.TryLock(statedir.StackLock(stack))
	if err != nil {
		return false
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	return true
}

func TestPlanTouchesNothing(t *testing.T) {
	a, m := newApp(t)
	l, err := a.Dirs.TryLock("stack-shop") // somebody is at work
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Unlock() }()
	p, err := a.Plan(t.Context(), shop("shop"), planner.Options{})
	if err != nil || p.Empty() {
		t.Fatalf("%v, %v", p, err)
	}
	for _, c := range m.Calls() {
		if c.Method != "Observe" {
			t.Errorf("planning called %s", c.Method)
		}
	}
	if len(m.story) > 0 {
		t.Errorf("planning did %v", m.story)
	}
}

func TestCarryRunsUnderLockAndLease(t *testing.T) {
	a, m := newApp(t)
	planned := false
	p, err := a.Carry(t.Context(), withPull(shop("shop")), planner.Options{}, func(p *planner.Plan) error {
		planned = !p.Empty() && len(m.acted("Create")) == 0 && !free(t, a, "shop")
		return nil
	})
	if err != nil || p.Empty() || !planned {
		t.Fatalf("%v, %v, called between planning and run: %t", p, err, planned)
	}
	if diff := cmp.Diff([]string{"expect shop", "lease shop", "leased pull", "release shop", "ensure"}, m.story); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"shop-db-1-g1", "shop-web-1-g1"}, m.acted("Start")); diff != "" {
		t.Errorf("started (-want +got):\n%s", diff)
	}
	if !free(t, a, "shop") {
		t.Error("the lock is still held")
	}
}

// TestCarryAgainDoesNothing: an empty plan takes no lease, yet the helpers
// are looked after.
func TestCarryAgainDoesNothing(t *testing.T) {
	a, m := newApp(t)
	for range 2 {
		m.story = nil
		if _, err := a.Carry(t.Context(), shop("shop"), planner.Options{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"ensure"}, m.story); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestNoLeaseWithoutPull: what is there needs no protection.
func TestNoLeaseWithoutPull(t *testing.T) {
	a, m := newApp(t)
	if _, err := a.Carry(t.Context(), shop("shop"), planner.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"expect shop", "ensure"}, m.story); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDownNeedsNoHelpers(t *testing.T) {
	a, m := newApp(t)
	if _, err := a.Carry(t.Context(), shop("shop"), planner.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	m.story = nil
	p, err := a.Carry(t.Context(), Down("shop"), planner.Options{Down: true}, nil)
	if err != nil || p.Empty() {
		t.Fatalf("%v, %v", p, err)
	}
	if diff := cmp.Diff([]string{"expect shop", "unlease shop"}, m.story); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if left := len(m.acted("Create")) - len(m.acted("Remove")); left != 0 {
		t.Errorf("%d containers left", left)
	}
}

func TestPlannedMayRefuse(t *testing.T) {
	a, m := newApp(t)
	refusal := errors.New("not that")
	p, err := a.Carry(t.Context(), shop("shop"), planner.Options{}, func(*planner.Plan) error { return refusal })
	if !errors.Is(err, refusal) || p == nil {
		t.Errorf("%v, %v", p, err)
	}
	if len(m.story) > 0 || len(m.acted("Create")) > 0 {
		t.Errorf("all the same: %v, %v", m.story, m.Calls())
	}
	if !free(t, a, "shop") {
		t.Error("the lock is still held")
	}
}

func TestFailedStepsGiveAllBack(t *testing.T) {
	a, m := newApp(t)
	broken, late := errors.New("no space left"), errors.New("lease is gone")
	m.Fail("Create", 1, broken)
	m.releaseErr = late
	p, err := a.Carry(t.Context(), withPull(shop("shop")), planner.Options{}, nil)
	var steps *StepsError
	if !errors.As(err, &steps) || !errors.Is(steps, broken) || errors.Is(steps, late) || p == nil {
		t.Errorf("steps: %v", steps)
	}
	if !errors.Is(err, late) {
		t.Errorf("the release's error is lost: %v", err)
	}
	if diff := cmp.Diff([]string{"expect shop", "lease shop", "leased pull", "release shop", "ensure"}, m.story); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !free(t, a, "shop") {
		t.Error("the lock is still held")
	}
}

func TestErrorsOutsideOfStepsAreNotTheirs(t *testing.T) {
	a, m := newApp(t)
	m.ensureErr = errors.New("no such program")
	_, err := a.Carry(t.Context(), shop("shop"), planner.Options{}, nil)
	var steps *StepsError
	if !errors.Is(err, m.ensureErr) || errors.As(err, &steps) {
		t.Errorf("got %v", err)
	}
}

// TestCancelGivesAllBack: what is given back after a cancel is given back
// under a context that still lives.
func TestCancelGivesAllBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, m := newApp(t)
		m.Hang("Create", 1, true)
		why := errors.New("ended by signal")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(why) })
		_, err := a.Carry(ctx, withPull(shop("shop")), planner.Options{}, nil)
		if !errors.Is(err, why) {
			t.Errorf("the cause is lost: %v", err)
		}
		if diff := cmp.Diff([]string{"expect shop", "lease shop", "leased pull", "release shop", "ensure"}, m.story); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if len(m.ended) > 0 {
			t.Errorf("called after the end: %v", m.ended)
		}
		if !free(t, a, "shop") {
			t.Error("the lock is still held")
		}
		if _, err := a.Carry(t.Context(), withPull(shop("shop")), planner.Options{}, nil); err != nil {
			t.Errorf("the next run does not converge: %v", err)
		}
	})
}

func TestObserveFails(t *testing.T) {
	a, m := newApp(t)
	m.Fail("Observe", 1, errors.New("the engine is down"))
	if p, err := a.Carry(t.Context(), shop("shop"), planner.Options{}, nil); err == nil || p != nil || !free(t, a, "shop") {
		t.Errorf("%v, %v", p, err)
	}
}

func TestLockedError(t *testing.T) {
	a, _ := newApp(t)
	l, err := a.Dirs.TryLock("stack-shop")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Unlock() }()
	ctx, cancel := context.WithCancel(t.Context())
	told := 0
	a.Waiting = func(stack string, h statedir.Holder) {
		told++
		cancel()
		if stack != "shop" || h.PID == 0 {
			t.Errorf("told of %s, %v", stack, h)
		}
	}
	_, err = a.Carry(ctx, shop("shop"), planner.Options{}, nil)
	var locked *statedir.LockedError
	if !errors.As(err, &locked) || locked.Name != "stack-shop" || told != 1 {
		t.Errorf("%v, told %d times", err, told)
	}
}
