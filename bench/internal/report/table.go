package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Table writes the run as Markdown.
func (r *Result) Table(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", r.Machine)
	for _, name := range r.Tools {
		version := r.Versions[name]
		if version == "" {
			version = "not there"
		}
		fmt.Fprintf(&b, "- %s: %s\n", name, version)
	}
	fmt.Fprintf(&b, "\nMedians of %d rounds (%s): seconds, or MB for memory;\nin brackets how many times ours, and the target.\n\n", r.Rounds, r.Remark)
	fmt.Fprintf(&b, "| case | %s |\n|---%s|\n", strings.Join(r.Tools, " | "), strings.Repeat("|---", len(r.Tools)))
	for _, c := range r.Cases {
		fmt.Fprintf(&b, "| %s |", c.ID)
		for _, name := range r.Tools {
			fmt.Fprintf(&b, " %s |", c.cell(name))
		}
		b.WriteByte('\n')
	}
	if all := r.limits(); len(all) > 0 {
		b.WriteByte('\n')
		for _, l := range all {
			fmt.Fprintf(&b, "- %s\n", l)
		}
	}
	for _, note := range r.notes() {
		fmt.Fprintf(&b, "\nMissing: %s\n", note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cell is "median (ratio, target)", as far as there are such.
func (c *Case) cell(name string) string {
	s := c.Tools[name]
	if s == nil || len(s.Values) == 0 {
		if s != nil {
			return "missing"
		}
		return ""
	}
	text := c.figure(s.Median)
	if name == Ours || s.Ratio == 0 {
		return text
	}
	return fmt.Sprintf("%s (%s)", text, c.against(name, s.Ratio))
}

func (c *Case) figure(v float64) string {
	switch {
	case c.Kind == Memory:
		return fmt.Sprintf("%.0f", v/1e6)
	case v < 1:
		return fmt.Sprintf("%.3f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// against puts a ratio beside its target. A peer should be slow against ours;
// ours should be near the floor.
func (c *Case) against(name string, ratio float64) string {
	text := fmt.Sprintf("%.2f×", ratio)
	if strings.HasPrefix(name, "floor") {
		text = fmt.Sprintf("ours %.2f×", 1/ratio)
		if most, ok := atMost[c.ID]; ok {
			text += fmt.Sprintf(" of at most %.2f%s", most, missed(1/ratio > most))
		}
		return text
	}
	if least, ok := atLeast[c.ID][name]; ok {
		text += fmt.Sprintf(" of %g%s", least, missed(ratio < least))
	}
	return text
}

func missed(yes bool) string {
	if yes {
		return " **missed**"
	}
	return ""
}

// notes say why something is missing, each reason once.
func (r *Result) notes() (all []string) {
	for _, name := range r.Tools {
		if why, ok := r.Failed[name]; ok {
			all = append(all, name+": "+why)
		}
		for _, c := range r.Cases {
			if s := c.Tools[name]; s != nil && s.Missing != "" && s.Missing != r.Failed[name] {
				all = append(all, fmt.Sprintf("%s, %s (after %d rounds): %s", name, c.ID, len(s.Values), s.Missing))
			}
		}
	}
	return slices.Compact(all)
}
