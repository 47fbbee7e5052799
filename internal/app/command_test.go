package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// TestDoActsOnWhatIsThere: without a file too, in order, under the lock, and not
// if that is refused.
func TestDoActsOnWhatIsThere(t *testing.T) {
	a, m := newApp(t)
	if _, err := a.Carry(t.Context(), shop("shop"), planner.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	stop := StopOnly(planner.Options{})
	refusal := errors.New("no")
	if _, err := a.Do(t.Context(), Down("shop"), stop, func(*planner.Plan) error { return refusal }); !errors.Is(err, refusal) {
		t.Errorf("refused: %v", err)
	}
	if _, err := a.Do(t.Context(), Down("shop"), stop, nil); err != nil {
		t.Fatal(err)
	}
	if got := m.acted("Stop"); !slices.Equal(got, []string{"shop-web-1-g1", "shop-db-1-g1"}) {
		t.Errorf("stopped %v", got)
	}
	asked := false
	p, err := a.Do(t.Context(), Down("shop"), stop, func(*planner.Plan) error { asked = true; return nil })
	if err != nil || !p.Empty() || asked {
		t.Errorf("a second stop: %v, %v, asked: %t", p, err, asked)
	}
	start := func(s *spec.Stack, st planner.State) (*planner.Plan, error) {
		return planner.MakeStart(s, st, planner.Options{Only: []string{"web"}})
	}
	if _, err := a.Do(t.Context(), shop("shop"), start, nil); err != nil {
		t.Fatal(err)
	}
	if got := m.acted("Start"); !slices.Equal(got[2:], []string{"shop-db-1-g1", "shop-web-1-g1"}) {
		t.Errorf("started %v", got)
	}
}

// TestKillWaitsForNobody: it goes on while another command holds the stack.
func TestKillWaitsForNobody(t *testing.T) {
	a, m := newApp(t)
	if _, err := a.Carry(t.Context(), shop("shop"), planner.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	unlock, err := a.lock(t.Context(), shop("shop"))
	if err != nil {
		t.Fatal(err)
	}
	kill := func(s *spec.Stack, st planner.State) (*planner.Plan, error) {
		return planner.MakeKill(s, st, "SIGKILL", planner.Options{Only: []string{"db"}})
	}
	if _, err := a.Kill(t.Context(), shop("shop"), kill, false, nil); err != nil {
		t.Error(err)
	}
	if got := m.acted("Kill"); !slices.Equal(got, []string{"shop-db-1-g1"}) {
		t.Errorf("killed %v", got)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}

func TestStopOnlyNamesWhatItDoesNotKnow(t *testing.T) {
	a, _ := newApp(t)
	_, err := a.Do(t.Context(), shop("shop"), StopOnly(planner.Options{Only: []string{"wbe"}}), nil)
	if err == nil || !strings.Contains(err.Error(), "wbe: no such service") {
		t.Error(err)
	}
}

// TestRemoveTakesVolumesOnlyIfAsked, and those that nothing else uses.
func TestRemoveTakesVolumesOnlyIfAsked(t *testing.T) {
	for _, volumes := range []bool{false, true} {
		a, m := newApp(t)
		if _, err := a.Carry(t.Context(), shop("shop"), planner.Options{}, nil); err != nil {
			t.Fatal(err)
		}
		m.users = map[string][]string{"mine": {"shop-web-1-g1"}, "shared": {"shop-web-1-g1", "other-1-g1"}}
		o := planner.Options{Only: []string{"web"}}
		p, err := a.Do(t.Context(), shop("shop"), a.Remove(t.Context(), true, volumes, o), nil)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		if volumes {
			want = []string{"mine"}
		}
		if got := m.acted("RemoveVolume"); !slices.Equal(got, want) {
			t.Errorf("volumes: %t: removed %v", volumes, got)
		}
		if got := Names(p); !slices.Equal(got, []string{"shop-web-1"}) {
			t.Errorf("names %v", got)
		}
	}
}

func TestWaitEnded(t *testing.T) {
	a, m := newApp(t)
	run := one("r", "web", 1, planner.TaskRunning)
	end := one("e", "job", 1, planner.TaskStopped)
	end.ExitCode = 5
	m.list = []inspect.Container{end, run}
	var told []string
	tell := func(enough bool) func(inspect.Container, int) bool {
		return func(c inspect.Container, _ int) bool { told = append(told, c.ID); return enough }
	}
	if code, err := a.WaitEnded(t.Context(), "shop", []string{"job"}, tell(false)); code != 5 || err != nil {
		t.Errorf("job: %d, %v", code, err)
	}
	if code, err := a.WaitEnded(t.Context(), "shop", []string{"web", "job"}, tell(true)); code != 5 || err != nil {
		t.Errorf("the first of both: %d, %v", code, err)
	}
	if diff := cmp.Diff([]string{"e", "e"}, told); diff != "" {
		t.Error(diff)
	}
	if _, err := a.WaitEnded(t.Context(), "shop", []string{"none"}, tell(false)); err == nil || !strings.Contains(err.Error(), `"none" has no container`) {
		t.Error(err)
	}
}

// TestRestartThatFailsLeavesFollowersRunning: what was stopped along with it gets
// back, also after Ctrl-C.
func TestRestartThatFailsLeavesFollowersRunning(t *testing.T) {
	broken := errors.New("broken")
	for name, spoil := range map[string]func(*machine, context.CancelCauseFunc){
		"db does not start": func(m *machine, _ context.CancelCauseFunc) {
			m.Fail("Start", 3, broken)
		},
		"Ctrl-C while db stops": func(m *machine, cancel context.CancelCauseFunc) {
			m.Hang("Stop", 2, true)
			time.AfterFunc(50*time.Millisecond, func() { cancel(broken) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, m := newApp(t)
			s := shop("shop")
			s.Services[1].DependsOn[0].Restart = true
			if _, err := a.Carry(t.Context(), s, planner.Options{}, nil); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			spoil(m, cancel)
			restart := func(s *spec.Stack, st planner.State) (*planner.Plan, error) {
				return planner.MakeRestart(s, st, planner.Options{Only: []string{"db"}})
			}
			if _, err := a.Do(ctx, s, restart, nil); !errors.Is(err, broken) {
				t.Errorf("restart: %v", err)
			}
			st, err := m.Observe(t.Context(), Down("shop"))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range st.Containers {
				if c.Ref.Name == "web" && c.Task != planner.TaskRunning {
					t.Errorf("web is %s", c.Task)
				}
			}
		})
	}
}
