package ui

import (
	"fmt"
	"slices"
	"strings"

	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// verbWidth is the longest verb and one space: "replace ".
const verbWidth = 8

// word is what a step's line calls it.
func word(op planner.Op) string {
	if op == planner.OpHook {
		return "hook"
	}
	return string(op)
}

// stepObject is what a step's line names: the incarnation under a
// container's heading, else the thing itself.
func stepObject(g *group, s planner.Step) string {
	if g.ref.Kind != planner.KindContainer {
		return refText(s.Ref, s.Object)
	}
	if len(g.steps) == 1 {
		return refText(s.Ref, s.Object)
	}
	return "  " + Sanitize(s.Object)
}

// group writes one thing with its steps. A single step shares the line of its
// thing, more of them follow it.
func (v *planView) group(g *group) {
	if len(g.steps) == 1 && len(g.steps[0].Rescue) == 0 {
		s := g.steps[0]
		mark, c := g.verb().symbol()
		v.step(v.stepNumber(s), v.color.paint(c, mark), word(s.Op), stepObject(g, s), s)
		v.fields(s.Reason.Fields)
		return
	}
	mark, c := g.verb().symbol()
	v.line("%s  %s %s%s", strings.Repeat(" ", v.digits+2), v.color.paint(c, mark),
		pad(string(g.verb()), verbWidth), refText(g.ref, g.steps[0].Object))
	var shown []spec.Change
	for _, s := range g.steps {
		if !slices.Equal(shown, s.Reason.Fields) {
			v.fields(s.Reason.Fields)
		}
		if len(s.Reason.Fields) > 0 {
			shown = s.Reason.Fields
		}
		if len(s.Rescue) > 0 {
			v.rescue(s)
			continue
		}
		v.step(v.stepNumber(s), " ", "  "+word(s.Op), stepObject(g, s), s)
	}
}

func (v *planView) stepNumber(s planner.Step) string {
	return padLeft(fmt.Sprint(v.number[s.ID]), v.digits)
}

// step writes "  3    create   demo-web-1   configuration changed".
func (v *planView) step(number, mark, op, object string, s planner.Step) {
	head := fmt.Sprintf("  %s  %s %s", number, mark, pad(op, verbWidth))
	indent := v.left() + v.object + 2
	lines := wrap(reasonText(s), v.o.Width-indent)
	if columns(object) > v.object {
		indent = v.left() + 2
		lines = append([]string{object}, wrap(reasonText(s), v.o.Width-indent)...)
	} else {
		lines[0] = pad(object, v.object) + "  " + lines[0]
	}
	v.line("%s%s", head, lines[0])
	for _, l := range lines[1:] {
		v.line("%s%s", strings.Repeat(" ", indent), l)
	}
	if s.Danger {
		v.line("%s%s", strings.Repeat(" ", v.left()), v.color.paint(red, "! destroys data"))
	}
}

// left is where objects begin: after number, symbol and verb.
func (v *planView) left() int { return 2 + v.digits + 2 + 1 + 1 + verbWidth }

// rescue writes a step that runs only after a failure.
func (v *planView) rescue(s planner.Step) {
	indent := strings.Repeat(" ", v.digits+6)
	text := fmt.Sprintf("if %s fails: %s %s, %s", v.rescued(s.Rescue), s.Op, Sanitize(s.Object), reasonText(s))
	for i, l := range wrap(text, v.o.Width-len(indent)-2) {
		if i > 0 {
			l = "  " + l
		}
		v.line("%s%s", indent, v.color.paint(dim, l))
	}
	if s.Danger {
		v.line("%s%s", indent, v.color.paint(red, "! destroys data"))
	}
}

func (v *planView) rescued(ids []planner.StepID) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = Sanitize(string(id))
		if n, ok := v.number[id]; ok {
			names[i] = fmt.Sprint(n)
		}
	}
	return "step " + strings.Join(names, " or ")
}

func (v *planView) fields(changes []spec.Change) {
	for _, c := range changes {
		v.line("%s%s", strings.Repeat(" ", v.digits+8), changeText(c, v.o.ShowValues))
	}
}
