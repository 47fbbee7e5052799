package ui

import (
	"fmt"
	"strings"
	"time"

	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

const sensitive = "(sensitive)"

// valueLimit is how many characters of a value a plan shows unless all values
// were asked for.
const valueLimit = 300

// reasonText says in words why a step is there, and what it may do.
func reasonText(s planner.Step) string {
	parts := []string{codeText(s.Reason.Code, s.Ref.Kind)}
	if s.Reason.Detail != "" {
		parts[0] += ": " + Sanitize(s.Reason.Detail)
	}
	if s.Op == planner.OpWait {
		parts = append(parts, untilText(s.Until))
	}
	if s.Op == planner.OpStop && s.Grace > 0 {
		parts = append(parts, graceText(s.Grace)+" grace")
	}
	return strings.Join(parts, ", ")
}

func codeText(c planner.Code, k planner.Kind) string {
	switch c {
	case planner.Missing:
		if k == planner.KindImage {
			return "not on this machine"
		}
		return "missing"
	case planner.ConfigChanged:
		return "config changed"
	case planner.ImageChanged:
		return "image changed"
	case planner.NotRunning:
		return "not running"
	case planner.Orphan:
		return "no longer in the file"
	case planner.ScaledDown:
		return "beyond the wanted number"
	case planner.DependencyOf:
		return "needed by another step"
	case planner.Forced:
		return "asked for"
	case planner.Leftover:
		return "left over from an interrupted run"
	case planner.Replaced:
		return "replaced"
	case planner.Down:
		return "the stack goes down"
	case planner.Lost:
		return "lost"
	default:
		return Sanitize(string(c))
	}
}

// graceText writes a span without zero parts: 2m, not 2m0s.
func graceText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func untilText(c spec.Condition) string {
	switch c {
	case spec.Healthy:
		return "until healthy"
	case spec.Completed:
		return "until it exits with 0"
	case spec.Started:
		return "until running"
	default:
		return "until " + Sanitize(string(c))
	}
}

// changeText writes one changed field: environment.A: "x" -> "y".
func changeText(c spec.Change, show bool) string {
	before, after := valueText(c.Old, show), valueText(c.New, show)
	if c.Secret && !show {
		before, after = mask(c.Old), mask(c.New)
		if c.Old != "" && c.New != "" {
			after = "(sensitive, changed)"
		}
	}
	return fmt.Sprintf("%s: %s -> %s", Sanitize(c.Field), before, after)
}

func valueText(v string, whole bool) string {
	if v == "" {
		return "(none)"
	}
	r := []rune(v)
	if whole || len(r) <= valueLimit {
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprintf("%q… (%d more)", string(r[:valueLimit]), len(r)-valueLimit)
}

func mask(v string) string {
	if v == "" {
		return "(none)"
	}
	return sensitive
}
