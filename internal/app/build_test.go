package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

func builtShop() *spec.Stack {
	s := shop("shop")
	s.Service("web").Build = &spec.Build{Context: "/srv", Asked: true}
	s.Service("web").Image = "shop-web"
	return s
}

// TestBuildsComeFirst, and what comes out of them is known when containers are
// planned.
func TestBuildsComeFirst(t *testing.T) {
	a, m := newApp(t)
	s := builtShop()
	s.Service("web").Build.Asked = false
	m.AddImage("shop-web", "", "")
	p, err := a.Carry(t.Context(), s, planner.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"shop-web"}, m.acted("Build")); diff != "" {
		t.Errorf("built (-want +got):\n%s", diff)
	}
	for _, step := range p.Steps {
		if step.Op == planner.OpBuild || step.Op == planner.OpCreate && step.Ref.Name == "web" && step.Digest == "" {
			t.Errorf("step %s, digest %q", step.ID, step.Digest)
		}
	}
	if p, err = a.Carry(t.Context(), s, planner.Options{}, nil); err != nil || !p.Empty() {
		t.Errorf("again: %v\n%s", err, p)
	}
}

func TestBuildAsks(t *testing.T) {
	a, m := newApp(t)
	if _, err := a.Build(t.Context(), builtShop(), nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"shop-web"}, m.acted("Build")); diff != "" {
		t.Errorf("built (-want +got):\n%s", diff)
	}
	if _, err := a.Build(t.Context(), builtShop(), []string{"db"}); err == nil {
		t.Error("a service without a build is no error")
	}
}

func TestBuildHere(t *testing.T) {
	s := builtShop()
	b := s.Service("web").Build
	s.Service("web").Pull = spec.Pull{Policy: spec.PullAlways}
	BuildHere(s, []string{"web"})
	if w := s.Service("web"); w.Build.Asked || w.Pull != (spec.Pull{}) || !b.Asked {
		t.Errorf("%+v, %+v, was %+v", w.Build, w.Pull, b)
	}
	if diff := cmp.Diff([]string{"web"}, Built(s, nil)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestPullLeavesBuildsAlone: no registry has what is built here.
func TestPullLeavesBuildsAlone(t *testing.T) {
	s := builtShop()
	s.Service("web").Build.Asked = false
	refs, err := pullRefs(s, PullOptions{})
	if diff := cmp.Diff([]string{s.Service("db").Image}, refs); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
