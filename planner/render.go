package planner

import (
	"fmt"
	"strings"

	"stackup.dev/stackup/spec"
)

// String gives the plan as text for people and golden files: one line per
// step with what it needs, its ID and its reason; then what is kept, and the
// notices. Values of secret-looking fields are masked.
func (p *Plan) String() string {
	var b strings.Builder
	needs, ids := p.widths()
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "%-*s  %-*s  %s\n", needs, s.needsText(), ids, s.ID, s.tail())
	}
	for _, k := range p.Keep {
		fmt.Fprintf(&b, "keep %s\n", k.Ref)
	}
	for _, n := range p.Notices {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	return b.String()
}

func (p *Plan) widths() (needs, ids int) {
	for _, s := range p.Steps {
		needs = max(needs, len(s.needsText()))
		ids = max(ids, len(s.ID))
	}
	return needs, ids
}

func (s Step) needsText() string { return join(s.Needs) }

func (s Step) tail() string {
	text := s.Reason.String()
	if len(s.Rescue) > 0 {
		text += " unless " + join(s.Rescue)
	}
	if s.Danger {
		text += " (destroys data)"
	}
	return text
}

func join(ids []StepID) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = string(id)
	}
	return "[" + strings.Join(words, " ") + "]"
}

// String gives the code, the detail, and each changed field old -> new.
func (r Reason) String() string {
	text := string(r.Code)
	if r.Detail != "" {
		text += " (" + r.Detail + ")"
	}
	for i, f := range r.Fields {
		sep := ": "
		if i > 0 {
			sep = ", "
		}
		text += sep + changeText(f)
	}
	return text
}

func changeText(c spec.Change) string {
	return fmt.Sprintf("%s %s -> %s", c.Field, valueText(c.Old, c.Secret), valueText(c.New, c.Secret))
}

func valueText(v string, secret bool) string {
	switch {
	case v == "":
		return "(none)"
	case secret:
		return "***"
	default:
		return fmt.Sprintf("%q", v)
	}
}
