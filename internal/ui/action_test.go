package ui

import (
	"strings"
	"testing"
	"time"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

func TestActionLine(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	create := planner.Step{Op: planner.OpCreate, Ref: container("web", 1), Reason: planner.Reason{Code: planner.ConfigChanged, Fields: []spec.Change{
		{Field: "environment.A", Old: "1", New: "2"}, {Field: "environment.KEY", Old: "old", New: "new", Secret: true},
	}}}
	for want, a := range map[string]event.Action{
		"03:04:05 ✔ web: synced: page  12 ms":                {Services: []string{"web"}, Deeds: []event.Deed{event.Synced}, Changed: []string{"page"}, Took: 12 * time.Millisecond},
		"03:04:05 ✔ web: synced, restarted: 4 files  1.5 s":  {Services: []string{"web"}, Deeds: []event.Deed{event.Synced, event.Restarted}, Changed: []string{"a", "b", "c", "d"}, Took: 1500 * time.Millisecond},
		"03:04:05 ✘ web: failed: a\n  sync: it is\n  two":    {Services: []string{"web"}, Changed: []string{"a"}, Err: "sync: it is\ntwo"},
		"03:04:05 ✘ web: synced, failed: a\n  exec: no":      {Services: []string{"web"}, Deeds: []event.Deed{event.Synced}, Changed: []string{"a"}, Err: "exec: no"},
		"03:04:05 ✔ stack: nothing to do: s.yaml  0 ms":      {Deeds: []event.Deed{event.Applied}, Changed: []string{"s.yaml"}},
		"03:04:05 ✘ stack: failed: s.yaml\n  s.yaml:1:1: no": {Deeds: []event.Deed{event.Applied}, Changed: []string{"s.yaml"}, Err: "s.yaml:1:1: no"},
		`03:04:05 ✔ web: applied: s.yaml  0 ms
  web.1: create, config changed; environment.A: "1" -> "2"; environment.KEY: (sensitive) -> (sensitive, changed)`: {
			Services: []string{"web"}, Deeds: []event.Deed{event.Applied}, Changed: []string{"s.yaml"}, Steps: []planner.Step{create},
		},
	} {
		a.Time = at
		got := ActionLine(a, false)
		if a.Err != "" {
			got = strings.Replace(got, "  0 ms", "", 1)
		}
		if got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	b, err := ActionJSON(event.Action{Time: at, Steps: []planner.Step{create}, Deeds: []event.Deed{event.Applied}})
	if err != nil || strings.Contains(string(b), `:"new"`) || !strings.Contains(string(b), `"actions":["apply"]`) {
		t.Errorf("%s, %v", b, err)
	}
}
