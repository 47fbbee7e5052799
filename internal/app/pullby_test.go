package app

import (
	"testing"

	"stackup.dev/stackup/spec"
)

func TestPullBy(t *testing.T) {
	stack := func() *spec.Stack {
		return &spec.Stack{Services: []spec.Service{
			{Name: "a", Pull: spec.Pull{Policy: spec.PullEvery, Every: 1}, PreStart: []spec.PreStart{{Service: spec.Service{Image: "x"}}}},
			{Name: "b", Pull: spec.Pull{Policy: spec.PullAlways}, Build: &spec.Build{Asked: true}},
		}}
	}
	for policy, want := range map[string][2]spec.Pull{
		"always":  {{Policy: spec.PullAlways}, {Policy: spec.PullAlways}},
		"missing": {{}, {Policy: spec.PullAlways}},
		"never":   {{Policy: spec.PullNever}, {Policy: spec.PullNever}},
		"build":   {{}, {}},
	} {
		s := stack()
		if err := PullBy(s, policy); err != nil {
			t.Fatal(err)
		}
		a, b := s.Services[0], s.Services[1]
		if a.Pull != want[0] || b.Pull != want[1] || a.PreStart[0].Service.Pull != want[0] {
			t.Errorf("%s: %v, %v, %v", policy, a.Pull, b.Pull, a.PreStart[0].Service.Pull)
		}
		if b.Build.Asked != (policy != "build") {
			t.Errorf("%s: built only when asked for: %v", policy, b.Build.Asked)
		}
	}
	if PullBy(stack(), "often") == nil {
		t.Error("an unknown policy is none")
	}
}
