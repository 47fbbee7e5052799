package ui

import (
	"fmt"
	"strings"
)

// Summary ends a run: each failure with its whole text, then how many steps
// were done, failed and skipped, and the time it took. It is empty if nothing
// happened.
func (m *Model) Summary() string {
	if m.done+m.failed+m.skipped == 0 {
		return ""
	}
	var b strings.Builder
	p := painter(m.Color)
	for _, e := range m.failures {
		lines := sanitizeLines(e.Err)
		head := m.name(e.Ref) + ": "
		if op := Sanitize(string(e.Op)); !strings.HasPrefix(lines[0], op+" ") {
			head += op + ": "
		}
		fmt.Fprintf(&b, "%s%s%s\n", p.paint(red, "✘ "), head, lines[0])
		for _, l := range lines[1:] {
			fmt.Fprintf(&b, "    %s\n", l)
		}
	}
	parts := []string{Count(m.done, "step") + " done"}
	if m.failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", m.failed))
	}
	if m.skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", m.skipped))
	}
	fmt.Fprintf(&b, "%s in %s\n", strings.Join(parts, ", "), seconds(m.end.Sub(m.start)))
	return b.String()
}
