package ui

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"stackup.dev/stackup/planner"
)

// PlanOptions bend how a plan is shown.
type PlanOptions struct {
	ShowValues bool // show secret-looking values, and long values whole
	Color      bool
	Width      int // columns to fit reasons into; 0 means 80
}

// Plan writes p for people. Every step has its number in plan order, its
// object and its reason; the steps that act on one thing stand together under
// it, with the changed fields. It returns the first error of w.
func Plan(w io.Writer, p *planner.Plan, o PlanOptions) error {
	if o.Width <= 0 {
		o.Width = 80
	}
	v := &planView{w: bufio.NewWriter(w), o: o, color: painter(o.Color), number: map[planner.StepID]int{}}
	for _, s := range p.Steps {
		if len(s.Rescue) == 0 {
			v.number[s.ID] = len(v.number) + 1
		}
	}
	v.heading(p)
	if !p.Empty() {
		groups := grouped(p.Steps)
		v.measure(groups)
		for _, g := range groups {
			v.group(g)
		}
		v.kept(p.Keep)
	}
	v.notices(p.Notices)
	return v.w.Flush()
}

type planView struct {
	w      *bufio.Writer
	o      PlanOptions
	color  painter
	number map[planner.StepID]int // steps as people count them
	digits int                    // width of the number column
	object int                    // width of the object column
}

func (v *planView) line(format string, a ...any) {
	_, _ = fmt.Fprintln(v.w, strings.TrimRight(fmt.Sprintf(format, a...), " "))
}

func (v *planView) heading(p *planner.Plan) {
	name := Sanitize(p.Stack)
	if !p.Empty() {
		text := fmt.Sprintf("Stack %s: %s (%s)", name, Count(len(v.number), "step"), tally(grouped(p.Steps), len(p.Keep)))
		v.line("%s\n", strings.Join(wrap(text, v.o.Width), "\n  "))
		return
	}
	n := 0
	for _, k := range p.Keep {
		if k.Ref.Kind == planner.KindContainer {
			n++
		}
	}
	if n == 0 {
		v.line("Stack %s: nothing to do", name)
		return
	}
	v.line("Stack %s: nothing to do (%s unchanged)", name, Count(n, "container"))
}

// reasonMin is the narrowest column for reasons that reads well.
const reasonMin = 20

// measure fixes the columns. An object that takes half a line or more does
// not count: its reason goes on a line of its own. So do all reasons where
// the column for them would be too narrow.
func (v *planView) measure(groups []*group) {
	v.digits = len(fmt.Sprint(len(v.number)))
	for _, g := range groups {
		for _, s := range g.steps {
			if n := columns(stepObject(g, s)); n < v.o.Width/2 {
				v.object = max(v.object, n)
			}
		}
	}
	if v.o.Width-v.left()-v.object-2 < reasonMin {
		v.object = 0
	}
}

// kept lists what stays, in one paragraph.
func (v *planView) kept(keep []planner.Kept) {
	if len(keep) == 0 {
		return
	}
	names := make([]string, len(keep))
	for i, k := range keep {
		// a non-breaking space keeps "network x" on one line while wrapping
		names[i] = strings.ReplaceAll(refText(k.Ref, k.Object), " ", "\u00a0")
	}
	indent := strings.Repeat(" ", v.digits+6)
	for i, l := range wrapKeep(strings.Join(names, ", "), v.o.Width-len(indent)-11) {
		if i == 0 {
			v.line("%s%s", strings.Repeat(" ", v.digits+4), v.color.paint(dim, "= unchanged  "+l))
			continue
		}
		v.line("%s%s", indent, v.color.paint(dim, strings.Repeat(" ", 11)+l))
	}
}

func wrapKeep(s string, limit int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Split(s, " ") {
		if line != "" && columns(line)+1+columns(word) > limit {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+strings.ReplaceAll(word, "\u00a0", " "), " ")
	}
	return append(lines, line)
}

func (v *planView) notices(notices []string) {
	if len(notices) > 0 {
		v.line("")
	}
	for _, n := range notices {
		for i, l := range wrap(Sanitize(n), v.o.Width-6) {
			if i == 0 {
				v.line("%s %s", v.color.paint(yellow, "Note:"), l)
				continue
			}
			v.line("      %s", l)
		}
	}
}
