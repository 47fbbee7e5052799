package ui

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
)

// changedShown is how many changed files an action's line names.
const changedShown = 3

// ActionLine is what a watch's action looks like, without the end of the line:
// time, services, what was done, to what, why, and how long it took from the
// first change. It has more than one line if several things were replaced, or
// something went wrong.
func ActionLine(a event.Action, color bool) string {
	p := painter(color)
	mark, note := p.paint(green, "✔"), p.paint(dim, "  "+tookText(a.Took))
	if a.Err != "" {
		mark = p.paint(red, "✘")
	}
	lines := []string{fmt.Sprintf("%s %s %s%s", p.paint(dim, a.Time.Local().Format(time.TimeOnly)), mark, actionText(a), note)}
	for _, s := range a.Steps {
		lines = append(lines, "  "+Sanitize(s.Ref.String())+": "+stepText(s))
	}
	for _, n := range a.Notes {
		lines = append(lines, "  "+p.paint(yellow, Sanitize(n)))
	}
	for l := range strings.Lines(a.Err) {
		lines = append(lines, "  "+p.paint(red, Sanitize(strings.TrimRight(l, "\n"))))
	}
	return strings.Join(lines, "\n")
}

// ActionJSON is an action as one line of JSON; values that a plan hides are
// hidden here.
func ActionJSON(a event.Action) ([]byte, error) {
	a.Steps = slices.Clone(a.Steps)
	for i := range a.Steps {
		a.Steps[i].Reason.Fields = masked(a.Steps[i].Reason.Fields)
	}
	return json.Marshal(a)
}

func actionText(a event.Action) string {
	var deeds []string
	for _, d := range a.Deeds {
		if w := deedText(d, a); w != "" {
			deeds = append(deeds, w)
		}
	}
	what := strings.Join(deeds, ", ")
	if len(a.Deeds) == 0 || what == "" {
		what = "failed"
	} else if a.Err != "" {
		what += ", failed"
	}
	who := Sanitize(strings.Join(a.Services, ", "))
	if who == "" {
		who = "stack"
	}
	return fmt.Sprintf("%s: %s: %s", who, what, changedText(a.Changed))
}

func deedText(d event.Deed, a event.Action) string {
	switch d {
	case event.Synced:
		return "synced"
	case event.Restarted:
		return "restarted"
	case event.Ran:
		return "exec done"
	case event.Rebuilt:
		return "rebuilt"
	case event.Applied:
		switch {
		case a.Err != "":
			return ""
		case len(a.Steps) == 0:
			return "nothing to do"
		}
		return "applied"
	}
	return Sanitize(string(d))
}

// changedText names a few files, or says how many there are.
func changedText(paths []string) string {
	if len(paths) > changedShown {
		return fmt.Sprintf("%d files", len(paths))
	}
	return Sanitize(strings.Join(paths, ", "))
}

func stepText(s planner.Step) string {
	out := string(s.Op) + ", " + reasonText(s)
	for _, f := range s.Reason.Fields {
		out += "; " + changeText(f, false)
	}
	return out
}

// tookText writes a span as people read it: 18 ms, 1.2 s.
func tookText(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
