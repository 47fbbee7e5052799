package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

func one(id, service string, index int, task planner.TaskState) inspect.Container {
	return inspect.Container{Container: planner.Container{ID: id, Ref: planner.Ref{Name: service, Index: index}, Task: task}}
}

func street() []inspect.Container {
	return []inspect.Container{
		one("db", "db", 1, planner.TaskPaused), one("web1", "web", 1, planner.TaskStopped),
		one("web2", "web", 2, planner.TaskRunning), one("web3", "web", 3, planner.TaskRunning), one("new", "new", 1, planner.TaskCreated),
	}
}

func TestPs(t *testing.T) {
	tests := []struct {
		name     string
		services []string
		all      bool
		want     []string
	}{
		{"live ones", nil, false, []string{"db", "web2", "web3"}},
		{"all", nil, true, []string{"db", "web1", "web2", "web3", "new"}},
		{"live ones of a service", []string{"web"}, false, []string{"web2", "web3"}},
		{"all of two services", []string{"new", "db"}, true, []string{"db", "new"}},
		{"none", []string{"new"}, false, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, m := newApp(t)
			m.list = street()
			cs, err := a.Ps(t.Context(), "shop", tt.services, tt.all)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range cs {
				got = append(got, c.ID)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestFind(t *testing.T) {
	tests := []struct {
		service   string
		index     int
		want, err string
	}{
		{"web", 0, "web2", ""},
		{"web", 3, "web3", ""},
		{"web", 1, "", `service "web" is not running container #1`},
		{"db", 0, "", `service "db" is not running`}, // paused: nothing can be run in it
		{"no", 0, "", `service "no" is not running`},
	}
	for _, tt := range tests {
		a, m := newApp(t)
		m.list = street()
		c, err := a.Find(t.Context(), "shop", tt.service, tt.index)
		said := ""
		if err != nil {
			said = err.Error()
		}
		if c.ID != tt.want || said != tt.err {
			t.Errorf("%s #%d: %q, %q, want %q, %q", tt.service, tt.index, c.ID, said, tt.want, tt.err)
		}
	}
}

// TestStopRemovesNothing: dependents stop first, and all are there afterwards.
func TestStopRemovesNothing(t *testing.T) {
	a, m := newApp(t)
	s := shop("shop")
	if _, err := a.Carry(t.Context(), s, planner.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	zero := time.Duration(0)
	if err := a.Stop(t.Context(), s, nil, &zero); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"shop-web-1-g1", "shop-db-1-g1"}, m.acted("Stop")); diff != "" {
		t.Errorf("stopped (-want +got):\n%s", diff)
	}
	state, err := m.Observe(t.Context(), &spec.Stack{Name: "shop"})
	if err != nil || len(state.Containers) != 2 {
		t.Errorf("%d containers left, %v", len(state.Containers), err)
	}
	if !free(t, a, "shop") {
		t.Error("the lock is still held")
	}
}

// TestScope: what an up of some services brings up is what its end stops.
func TestScope(t *testing.T) {
	needs := func(names ...string) (out []spec.Dependency) {
		for _, n := range names {
			out = append(out, spec.Dependency{Service: n})
		}
		return out
	}
	s := &spec.Stack{Services: []spec.Service{
		{Name: "cache"}, {Name: "db"}, {Name: "job", DependsOn: needs("db", "off")}, {Name: "web", DependsOn: needs("job", "cache")},
	}}
	tests := []struct {
		name       string
		only, want []string
	}{
		{"none named is all of the file", nil, []string{"cache", "db", "job", "web"}},
		{"with all it depends on", []string{"job"}, []string{"job", "db"}},
		{"each once", []string{"web", "db"}, []string{"web", "job", "db", "cache"}},
		{"unknown", []string{"gone"}, []string{}}, // not nil: that would be all containers
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Scope(s, tt.only)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if got := Scope(&spec.Stack{}, nil); got == nil {
		t.Error("a file without services gives nil, which means all containers")
	}
}

// TestStopKeepsToItsServices: what another up has started goes on.
func TestStopKeepsToItsServices(t *testing.T) {
	a, m := newApp(t)
	s := shop("shop")
	if _, err := a.Carry(t.Context(), s, planner.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	if err := a.Stop(t.Context(), s, []string{"db"}, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"shop-db-1-g1"}, m.acted("Stop")); diff != "" {
		t.Errorf("stopped (-want +got):\n%s", diff)
	}
}
