package app

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/spec"
)

// images is a stack of a web on img:2 that needs a db on img:1, a job on img:2,
// a service whose image nobody has, and one that profiles leave out.
func images() *spec.Stack {
	return &spec.Stack{
		Name: "shop", Disabled: []string{"debug"}, Networks: []spec.Network{{Key: "front", Name: "front", External: true}},
		Services: []spec.Service{
			{Name: "db", Image: "img:1"},
			{Name: "job", Image: "img:2"},
			{Name: "nowhere", Image: "img:none"},
			{Name: "web", Image: "img:2", DependsOn: []spec.Dependency{{Service: "db"}}},
		},
	}
}

func TestPull(t *testing.T) {
	tests := []struct {
		name   string
		o      PullOptions
		want   Pulled
		failed bool
	}{
		{"all", PullOptions{}, Pulled{Here: []string{"img:1"}, Pulled: []string{"img:1", "img:2"}, Failed: []string{"img:none"}}, true},
		{"all that can be", PullOptions{KeepGoing: true}, Pulled{Here: []string{"img:1"}, Pulled: []string{"img:1", "img:2"}, Failed: []string{"img:none"}}, false},
		{"two services of one image", PullOptions{Only: []string{"web", "job"}}, Pulled{Pulled: []string{"img:2"}}, false},
		{"with dependencies", PullOptions{Only: []string{"web"}, Dependencies: true}, Pulled{Here: []string{"img:1"}, Pulled: []string{"img:1", "img:2"}}, false},
		{"what is missing", PullOptions{Only: []string{"web"}, Dependencies: true, Missing: true}, Pulled{Here: []string{"img:1"}, Pulled: []string{"img:2"}}, false},
		{"nothing is missing", PullOptions{Only: []string{"db"}, Missing: true}, Pulled{Here: []string{"img:1"}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, m := newApp(t)
			got, err := a.Pull(t.Context(), images(), tt.o)
			var steps *StepsError
			if errors.As(err, &steps) != tt.failed || err != nil && !tt.failed {
				t.Errorf("error %v", err)
			}
			if tt.failed && !strings.Contains(err.Error(), "img:none") {
				t.Errorf("the error does not name the image: %v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if pulls := m.acted("Pull"); len(pulls) != len(got.Pulled)+len(got.Failed) {
				t.Errorf("pulled %v", pulls)
			}
			if !free(t, a, "shop") {
				t.Error("the lock is still held")
			}
		})
	}
}

// TestPullUnderLockAndLease: an image that comes in is not collected before it
// is whole.
func TestPullUnderLockAndLease(t *testing.T) {
	a, m := newApp(t)
	if _, err := a.Pull(t.Context(), images(), PullOptions{Only: []string{"web"}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"lease shop", "leased pull", "release shop"}, m.story); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPullNeedsNoLeaseForNothing(t *testing.T) {
	a, m := newApp(t)
	if _, err := a.Pull(t.Context(), images(), PullOptions{Only: []string{"db"}, Missing: true}); err != nil || len(m.story) > 0 {
		t.Errorf("%v, %v", m.story, err)
	}
}

// TestPullCutShort: what is not a failure to pull is never passed over.
func TestPullCutShort(t *testing.T) {
	a, _ := newApp(t)
	why := errors.New("ended by signal")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := a.Pull(ctx, images(), PullOptions{KeepGoing: true}); err == nil {
		t.Error("no error")
	}
}

func TestPullLeaseLost(t *testing.T) {
	a, m := newApp(t)
	m.releaseErr = errors.New("lease is gone")
	if _, err := a.Pull(t.Context(), images(), PullOptions{KeepGoing: true}); !errors.Is(err, m.releaseErr) {
		t.Errorf("got %v", err)
	}
}

func TestPullOfUnknownServices(t *testing.T) {
	for name, want := range map[string]string{
		"wbe":   "service wbe: no such service in stack shop",
		"debug": "service debug: left out by its profiles (ask for one of them with --profile)",
	} {
		a, m := newApp(t)
		_, err := a.Pull(t.Context(), images(), PullOptions{Only: []string{"web", name}})
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v", name, err)
		}
		if len(m.Calls()) > 0 {
			t.Errorf("%s: all the same: %v", name, m.Calls())
		}
	}
}
