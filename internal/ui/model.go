package ui

import (
	"time"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
)

// Model is what a run looks like so far, one row per thing. It is not safe
// for concurrent use. The zero value is an empty run without colour.
type Model struct {
	Names func(planner.Ref) string // how things are called; nil for "Container web.1"
	Color bool

	rows     map[planner.Ref]*row
	order    []*row // by first event
	done     int    // steps
	failed   int
	skipped  int
	failures []event.Event
	start    time.Time // of the first event
	end      time.Time // of the last one
}

// row is one thing and the steps that act on it.
type row struct {
	ref      planner.Ref
	active   []event.Event // Started events of steps now under way, oldest first
	finished map[planner.Op]int
	last     event.Event // Done or Skipped event that came last
	text     string      // of the active step
	bytes    int64
	total    int64
	failure  *event.Event
	skips    int
	restored bool // a start succeeded after the failure
	start    time.Time
	end      time.Time
}

// Apply takes in one event.
func (m *Model) Apply(e event.Event) {
	if m.start.IsZero() {
		m.start = e.Time
	}
	m.end = later(m.end, e.Time)
	m.count(e)
	m.row(e.Ref).apply(e)
}

func (m *Model) count(e event.Event) {
	switch e.Phase {
	case event.Done:
		m.done++
	case event.Failed:
		m.failed++
		m.failures = append(m.failures, e)
	case event.Skipped:
		m.skipped++
	case event.Started, event.Progress:
	}
}

func (m *Model) row(ref planner.Ref) *row {
	if r := m.rows[ref]; r != nil {
		return r
	}
	if m.rows == nil {
		m.rows = map[planner.Ref]*row{}
	}
	r := &row{ref: ref, finished: map[planner.Op]int{}}
	m.rows[ref] = r
	m.order = append(m.order, r)
	return r
}

func (r *row) apply(e event.Event) {
	if r.start.IsZero() {
		r.start = e.Time
	}
	r.end = later(r.end, e.Time)
	switch e.Phase {
	case event.Started:
		r.active = append(r.active, e)
		r.text, r.bytes, r.total = e.Text, 0, 0
	case event.Progress:
		r.text, r.bytes, r.total = e.Text, e.Done, e.Total
	case event.Done:
		r.finish(e)
		r.finished[e.Op]++
		r.restored = r.failure != nil && e.Op == planner.OpStart
		r.last = e
	case event.Failed:
		r.finish(e)
		if r.failure == nil {
			r.failure = &e
		}
	case event.Skipped:
		r.finish(e)
		r.skips++
		r.last = e
	}
}

// finish takes the step of e off the active ones.
func (r *row) finish(e event.Event) {
	for i, a := range r.active {
		if a.Step == e.Step {
			r.active = append(r.active[:i:i], r.active[i+1:]...)
			break
		}
	}
	r.text, r.bytes, r.total = "", 0, 0
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (m *Model) name(ref planner.Ref) string {
	if m.Names != nil {
		return Sanitize(m.Names(ref))
	}
	return DefaultName(ref)
}

// DefaultName names a thing with its kind: "Container web.1".
func DefaultName(ref planner.Ref) string {
	switch ref.Kind {
	case planner.KindContainer:
		return "Container " + Sanitize(ref.String())
	case planner.KindImage:
		return "Image " + Sanitize(ref.Name)
	case planner.KindNetwork:
		return "Network " + Sanitize(ref.Name)
	case planner.KindVolume:
		return "Volume " + Sanitize(ref.Name)
	default:
		return Sanitize(ref.String())
	}
}
