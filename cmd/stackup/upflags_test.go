package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

func threeServices() *spec.Stack {
	return &spec.Stack{Name: "shop", Services: []spec.Service{
		{Name: "db", Replicas: 1},
		{Name: "migrate", Replicas: 1, DependsOn: []spec.Dependency{{Service: "db", Condition: spec.Started}}, Detached: true},
		{Name: "web", Replicas: 1, DependsOn: []spec.Dependency{{Service: "migrate", Condition: spec.Completed}}},
	}}
}

func TestWhoseOutputIsShown(t *testing.T) {
	for name, c := range map[string]struct {
		f    shownFlags
		only []string
		want []string
		all  bool
	}{
		"all but attach: false": {want: []string{"db", "web"}},
		"those named":           {only: []string{"migrate"}, want: []string{"migrate"}},
		"--attach":              {f: shownFlags{only: []string{"db"}}, only: []string{"web"}, want: []string{"db"}},
		"--no-attach":           {f: shownFlags{without: []string{"db", "web"}}, want: []string{}},
		"--attach-dependencies": {f: shownFlags{dependencies: true}, only: []string{"web"}, want: []string{"web", "migrate", "db"}, all: true},
		"and some of them not":  {f: shownFlags{dependencies: true, without: []string{"db"}}, only: []string{"web"}, want: []string{"web", "migrate"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, all := c.f.shown(threeServices(), c.only)
			if diff := cmp.Diff(c.want, got); diff != "" || all != c.all {
				t.Errorf("all: %v (-want +got):\n%s", all, diff)
			}
		})
	}
}

func TestFlagsThatContradict(t *testing.T) {
	s := threeServices()
	for name, f := range map[string]upFlags{
		"no-recreate and force":    {makingFlags: makingFlags{noRecreate: true, force: true}},
		"detach and abort":         {detach: true, aborting: abortFlags{onExit: true}},
		"watch and exit-code-from": {watch: true, aborting: abortFlags{codeFrom: "web"}},
		"exit and failure":         {aborting: abortFlags{onExit: true, onFailure: true}},
		"attach and dependencies":  {attaching: shownFlags{only: []string{"web"}, dependencies: true}},
		"attach nobody":            {attaching: shownFlags{only: []string{"nobody"}}},
		"exit code of nobody":      {aborting: abortFlags{codeFrom: "nobody"}},
		"yes and confirm":          {makingFlags: makingFlags{yes: true}, watching: watchFlags{confirm: true}},
		"watch in the background":  {watch: true, detach: true},
	} {
		if f.check(s) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := (upFlags{aborting: abortFlags{codeFrom: "web"}}).check(s); err != nil {
		t.Error(err)
	}
}

// TestWhichEndsAbort: what others wait for to complete has done its work.
func TestWhichEndsAbort(t *testing.T) {
	s := threeServices()
	of := func(service string) inspect.Container {
		return inspect.Container{Container: planner.Container{Ref: planner.Ref{Kind: planner.KindContainer, Name: service, Index: 1}}}
	}
	for _, c := range []struct {
		f       abortFlags
		service string
		code    int
		want    bool
	}{
		{abortFlags{onExit: true}, "web", 0, true},
		{abortFlags{onExit: true}, "migrate", 0, false},
		{abortFlags{onExit: true}, "migrate", 1, true},
		{abortFlags{onFailure: true}, "web", 0, false},
		{abortFlags{onFailure: true}, "web", 2, true},
		{abortFlags{codeFrom: "db"}, "web", 0, true},
	} {
		if got := c.f.ends(s, of(c.service), c.code); got != c.want {
			t.Errorf("%+v, %s with %d: %v", c.f, c.service, c.code, got)
		}
	}
}
