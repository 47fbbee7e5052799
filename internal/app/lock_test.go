package app

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// slow lets a run of a stack last a second from its planning on, and tells
// when it has ended.
func slow(t *testing.T, a *App, s *spec.Stack) <-chan time.Time {
	ended := make(chan time.Time, 1)
	go func() {
		_, err := a.Carry(t.Context(), s, planner.Options{}, func(*planner.Plan) error {
			time.Sleep(time.Second)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		ended <- time.Now()
	}()
	return ended
}

func TestWhoWaitsForWhom(t *testing.T) {
	external := func(name string) *spec.Stack {
		s := shop(name)
		s.Networks = append(s.Networks, spec.Network{Key: "lan", Name: "lan", External: true})
		return s
	}
	tests := []struct {
		name string
		a, b *spec.Stack
		want time.Duration
	}{
		{"two stacks", shop("a"), shop("b"), time.Second},
		{"one stack", shop("a"), shop("a"), 2 * time.Second},
		{"two stacks on one external network", external("a"), external("b"), 2 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, m := newApp(t)
				m.AddNetwork(planner.Network{Key: "lan", Name: "lan"})
				begin := time.Now()
				x, y := slow(t, a, tt.a), slow(t, a, tt.b)
				last := max((<-x).Sub(begin), (<-y).Sub(begin))
				if last < tt.want || last > tt.want+100*time.Millisecond {
					t.Errorf("both have ended after %v, want %v", last, tt.want)
				}
			})
		})
	}
}

// TestLocksAreTakenInOneOrder: two that share several locks cannot hold one
// each and wait for the other.
func TestLocksAreTakenInOneOrder(t *testing.T) {
	a, _ := newApp(t)
	s := shop("shop")
	s.Networks = []spec.Network{{Name: "z", External: true}, {Name: "own"}, {Name: "b", External: true}}
	order := []string{"external-b", "external-z", "stack-shop"}
	held, err := a.Dirs.TryLock(order[1])
	if err != nil {
		t.Fatal(err)
	}
	told := false
	a.Waiting = func(string, statedir.Holder) { // it waits for the second: it has the first and not the third
		told = true
		if diff := cmp.Diff(order[:2], locks(t, a)); diff != "" {
			t.Errorf("while it waits (-want +got):\n%s", diff)
		}
		if err := held.Unlock(); err != nil {
			t.Error(err)
		}
	}
	unlock, err := a.lock(t.Context(), s)
	if err != nil || !told {
		t.Fatalf("%v, it waited: %t", err, told)
	}
	if diff := cmp.Diff(order, locks(t, a)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if left := locks(t, a); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// locks names the locks that are held by anybody.
func locks(t *testing.T, a *App) []string {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(a.Dirs.State, "locks"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range files {
		out = append(out, f.Name())
	}
	return out
}
