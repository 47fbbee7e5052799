package planner

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/spec"
)

// TestMakeStopStopsDependentsFirst: all that may run stops, nothing goes.
func TestMakeStopStopsDependentsFirst(t *testing.T) {
	box := func(name string, task TaskState, needs ...string) Container {
		c := Container{ID: name, Ref: Ref{KindContainer, name, 1}, Task: task, Service: spec.Service{Name: name}}
		for _, n := range needs {
			c.Service.DependsOn = append(c.Service.DependsOn, spec.Dependency{Service: n, Condition: spec.Started})
		}
		return c
	}
	grace := 3 * time.Second
	p, err := MakeStop(State{Stack: "s", Containers: []Container{
		box("db", TaskRunning), box("idle", TaskNone), box("web", TaskPaused, "db"),
		{ID: "run", Ref: Ref{KindContainer, "db", OneOff}, Task: TaskRunning}, // somebody waits for it
	}}, nil, &grace)
	if err != nil {
		t.Fatal(err)
	}
	stop := func(name string, needs ...StepID) Step {
		return Step{
			ID: StepID("stop/" + name), Op: OpStop, Ref: Ref{KindContainer, name, 1}, Object: name,
			Grace: grace, Reason: Reason{Code: Forced}, Needs: needs,
		}
	}
	if diff := cmp.Diff([]Step{stop("web"), stop("db", "stop/web")}, p.Steps); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestMakeStopKeepsToItsServices: nil is all of them, an empty list is none.
func TestMakeStopKeepsToItsServices(t *testing.T) {
	state := State{Stack: "s"}
	for _, name := range []string{"db", "web"} {
		state.Containers = append(state.Containers, Container{ID: name, Ref: Ref{KindContainer, name, 1}, Task: TaskRunning, Service: spec.Service{Name: name}})
	}
	for name, tt := range map[string]struct{ services, want []string }{
		"all":  {nil, []string{"db", "web"}},
		"some": {[]string{"web", "gone"}, []string{"web"}},
		"none": {[]string{}, nil},
	} {
		p, err := MakeStop(state, tt.services, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range p.Steps {
			got = append(got, s.Object)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
