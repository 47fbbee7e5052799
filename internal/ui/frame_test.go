package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
)

func TestFrame(t *testing.T) {
	for _, width := range []int{40, 80, 120} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			frame := modelOf(upStory()).Frame(width, epoch().Add(2500*time.Millisecond))
			for l := range strings.Lines(frame) {
				if n := columns(strings.TrimRight(l, "\n")); n > width {
					t.Errorf("%d columns: %q", n, l)
				}
			}
			golden(t, fmt.Sprintf("frame-%d.txt", width), frame)
		})
	}
}

func TestFrameColor(t *testing.T) {
	m := modelOf(upStory())
	now := epoch().Add(2500 * time.Millisecond)
	plain := m.Frame(80, now)
	m.Color = true
	colored := m.Frame(80, now)
	golden(t, "frame-color.txt", colored)
	if diff := cmp.Diff(plain, uncoloured(colored)); diff != "" {
		t.Errorf("colour changes the text (-plain +coloured):\n%s", diff)
	}
	if strings.Contains(plain, "\x1b") {
		t.Error("escape code in a frame without colour")
	}
}

func TestFrameNeverExceedsItsWidth(t *testing.T) {
	m := modelOf(upStory())
	m.Names = func(r planner.Ref) string { return "容器 " + strings.Repeat(r.Name, 5) }
	for width := 1; width < 150; width++ {
		for l := range strings.Lines(m.Frame(width, epoch())) {
			if n := columns(strings.TrimRight(l, "\n")); n > width {
				t.Fatalf("%d columns at width %d: %q", n, width, l)
			}
		}
	}
}

func TestFrameLeavesOutFinishedRowsFirst(t *testing.T) {
	m := &Model{}
	for n := 1; n <= 20; n++ {
		ref := container("web", n)
		id := planner.StepID("create/" + ref.String())
		m.Apply(at(0, event.Started, id, planner.OpCreate, ref))
		switch {
		case n == 3:
			e := at(time.Second, event.Failed, id, planner.OpCreate, ref)
			e.Err = "no space left on device"
			m.Apply(e)
		case n != 7 && n != 11:
			m.Apply(at(time.Second, event.Done, id, planner.OpCreate, ref))
		}
	}
	golden(t, "frame-short.txt", strings.Join(m.lines(80, 5, epoch().Add(time.Second)), ""))
	for limit := 1; limit < 25; limit++ {
		if got := len(m.lines(80, limit, epoch())); got > limit {
			t.Errorf("%d lines, limit %d", got, limit)
		}
	}
}

func TestModelOutcome(t *testing.T) {
	web := container("web", 1)
	do := func(ops ...planner.Op) (s []event.Event) {
		for _, op := range ops {
			id := planner.StepID(string(op) + "/web.1")
			s = append(s, at(0, event.Started, id, op, web), at(time.Second, event.Done, id, op, web))
		}
		return s
	}
	for name, c := range map[string]struct {
		events []event.Event
		want   string
	}{
		"created":      {do(planner.OpCreate), "Created"},
		"started":      {do(planner.OpCreate, planner.OpStart), "Started"},
		"replaced":     {do(planner.OpCreate, planner.OpStop, planner.OpStart, planner.OpRemove), "Replaced"},
		"removed":      {do(planner.OpStop, planner.OpRemove), "Removed"},
		"updated":      {do(planner.OpUpdate), "Updated"},
		"waited":       {do(planner.OpStart, planner.OpWait), "Ready"},
		"stopping":     {append(do(planner.OpStart), at(0, event.Started, "stop/x", planner.OpStop, web)), "Stopping"},
		"stopping old": {append(do(planner.OpCreate), at(0, event.Started, "stop/x", planner.OpStop, web)), "Stopping old"},
		"stopping what failed": {append(do(planner.OpCreate),
			at(0, event.Failed, "start/web.1", planner.OpStart, web),
			at(0, event.Started, "stop/x", planner.OpStop, web)), "Stopping"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := modelOf(c.events).order[0].status(); got != c.want {
				t.Errorf("status %q, want %q", got, c.want)
			}
		})
	}
}

func TestSummary(t *testing.T) {
	golden(t, "summary.txt", modelOf(upStory()).Summary())
	if got := (&Model{}).Summary(); got != "" {
		t.Errorf("summary of nothing: %q", got)
	}
}
