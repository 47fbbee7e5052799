package ui

import (
	"fmt"
	"strings"
	"time"

	"stackup.dev/stackup/planner"
)

// The least and the greatest width of the name column.
const (
	nameMin = 12
	nameMax = 60
)

// Frame draws every row, one line each, none wider than width columns. It
// depends on nothing but its arguments and the events applied.
func (m *Model) Frame(width int, now time.Time) string {
	return strings.Join(m.lines(width, 0, now), "")
}

// lines draws at most limit lines, each with its line end; 0 is no limit.
// Where rows must be left out, the ones under way stay, then failed ones, and
// the last line sums up the rest.
func (m *Model) lines(width, limit int, now time.Time) []string {
	rows := m.order
	var rest string
	if limit > 0 && len(rows) > limit {
		rows, rest = m.pick(max(limit-1, 0))
	}
	nameW, statusW := m.layout(rows, width)
	lines := make([]string, 0, len(rows)+1)
	for _, r := range rows {
		lines = append(lines, m.line(r, nameW, statusW, width, now)+"\n")
	}
	if rest != "" {
		lines = append(lines, painter(m.Color).paint(dim, cut(rest, width))+"\n")
	}
	return lines
}

// pick chooses n rows and sums up the others. Rows keep their order.
func (m *Model) pick(n int) (rows []*row, rest string) {
	chosen := map[*row]bool{}
	for _, want := range []standing{standingActive, standingFailed} {
		for _, r := range m.order {
			if len(chosen) < n && r.standing() == want {
				chosen[r] = true
			}
		}
	}
	for i := len(m.order) - 1; i >= 0 && len(chosen) < n; i-- {
		chosen[m.order[i]] = true
	}
	left := map[standing]int{}
	for _, r := range m.order {
		if chosen[r] {
			rows = append(rows, r)
			continue
		}
		left[r.standing()]++
	}
	return rows, fmt.Sprintf("   and %d more: %s", len(m.order)-len(rows), leftText(left))
}

func leftText(n map[standing]int) string {
	var parts []string
	for _, k := range []struct {
		standing standing
		word     string
	}{
		{standingActive, "under way"},
		{standingDone, "done"},
		{standingFailed, "failed"},
		{standingSkipped, "skipped"},
	} {
		if n[k.standing] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[k.standing], k.word))
		}
	}
	return strings.Join(parts, ", ")
}

// layout shares the width out: mark (3), name, status, elapsed time (7).
func (m *Model) layout(rows []*row, width int) (nameW, statusW int) {
	longest, status := 0, 0
	for _, r := range rows {
		longest = max(longest, columns(m.name(r.ref)))
		status = max(status, columns(m.statusText(r, width)))
	}
	room := width - 3 - 2 - 7
	nameW = min(longest, nameMax, max(nameMin, room-min(status, 12)))
	return nameW, min(status, max(room-nameW, 0))
}

func (m *Model) line(r *row, nameW, statusW, width int, now time.Time) string {
	p := painter(m.Color)
	mark, c := m.mark(r, now)
	name := pad(cut(m.name(r.ref), nameW), nameW)
	status := pad(cut(m.statusText(r, width), statusW), statusW)
	end := r.end
	if r.standing() == standingActive {
		end = later(now, r.end)
	}
	text := fmt.Sprintf(" %s %s  %s%s", mark, name, status, padLeft(seconds(end.Sub(r.start)), 7))
	if columns(text) > width {
		return cut(text, width)
	}
	// Colours go in after measuring: they take no columns.
	return fmt.Sprintf(" %s %s  %s%s", p.paint(c, mark), name, p.paint(c, status),
		p.paint(dim, padLeft(seconds(end.Sub(r.start)), 7)))
}

func (m *Model) mark(r *row, now time.Time) (string, paint) {
	switch r.standing() {
	case standingDone:
		return "✔", green
	case standingFailed:
		return "✘", red
	case standingSkipped:
		return "-", yellow
	case standingActive:
	}
	const spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
	turns := []rune(spinner)
	n := int(max(now.Sub(r.start), 0) / (100 * time.Millisecond))
	return string(turns[n%len(turns)]), cyan
}

// statusText is the status, with the download's progress where there is one.
func (m *Model) statusText(r *row, width int) string {
	s := r.status()
	if len(r.active) == 0 || r.active[len(r.active)-1].Op != planner.OpPull || r.bytes <= 0 {
		return s
	}
	if r.total <= 0 {
		return s + " " + Size(r.bytes)
	}
	amount := Size(r.bytes) + "/" + Size(r.total)
	if width < 80 {
		return s + " " + amount
	}
	return s + " " + bar(r.bytes, r.total, 10) + " " + amount
}

// bar draws a share of n cells: [####------].
func bar(part, whole int64, n int) string {
	full := int(min(part, whole) * int64(n) / whole)
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", n-full) + "]"
}
