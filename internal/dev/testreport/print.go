package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// title is how a test is named in a report.
func (t *test) title() string {
	pkg := strings.TrimPrefix(t.pkg, "stackup.dev/stackup/")
	return pkg + " " + t.name
}

// printFlaky names the tests that failed and passed when they ran again alone, and
// returns how many they are.
func (r *results) printFlaky(w io.Writer) (n int) {
	for _, t := range r.tests {
		if t.failed > 0 && t.passed > 0 {
			n++
			fmt.Fprintf(w, "flaky: %s failed %d times and then passed alone; both outputs are kept in build/test\n", t.title(), t.failed)
		}
	}
	if n > maxFlaky {
		fmt.Fprintf(w, "%d flaky tests: a run may have %d\n", n, maxFlaky)
	}
	return n
}

// printLast prints the one line that a run ends with.
func (r *results) printLast(w io.Writer, took time.Duration) {
	failed := 0
	for _, t := range r.tests {
		if t.hasFailed() {
			failed++
		}
	}
	slowest := slices.SortedStableFunc(slices.Values(r.tests), func(a, b *test) int { return -cmp.Compare(a.seconds, b.seconds) })
	var names []string
	for _, t := range slowest[:min(3, len(slowest))] {
		names = append(names, fmt.Sprintf("%s %.0f s", t.title(), t.seconds))
	}
	fmt.Fprintf(w, "%d tests, %d failed, in %s; the slowest: %s\n", len(r.tests), failed, took.Round(time.Second), strings.Join(names, ", "))
}

// printTimes prints where the time of e2e went: per kind of work, and per test with
// its largest kinds.
func (r *results) printTimes(w io.Writer) {
	kinds, tests := map[string]*spent{}, map[string][]spent{}
	for _, s := range r.spent {
		sum := kinds[s.Kind]
		if sum == nil {
			sum = &spent{Kind: s.Kind}
			kinds[s.Kind] = sum
		}
		sum.Times += s.Times
		sum.Seconds += s.Seconds
		tests[s.test] = append(tests[s.test], s)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "seconds\ttimes\tms each\tkind of work\t")
	for _, k := range slices.SortedFunc(maps.Values(kinds), func(a, b *spent) int { return -cmp.Compare(a.Seconds, b.Seconds) }) {
		fmt.Fprintf(t, "%.1f\t%d\t%.0f\t%s\t\n", k.Seconds, k.Times, 1000*k.Seconds/float64(k.Times), k.Kind)
	}
	t.Flush()
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "seconds\ttest\tof which")
	for _, x := range slices.SortedStableFunc(slices.Values(r.tests), func(a, b *test) int { return -cmp.Compare(a.seconds, b.seconds) }) {
		if x.seconds < 0.1 {
			continue
		}
		fmt.Fprintf(t, "%.1f\t%s\t%s\n", x.seconds, x.title(), largest(tests[strings.TrimPrefix(x.title(), "e2e/")]))
	}
	t.Flush()
	fmt.Fprintln(w)
}

// largest tells of the three kinds of work on which a test spends most.
func largest(kinds []spent) string {
	slices.SortFunc(kinds, func(a, b spent) int { return -cmp.Compare(a.Seconds, b.Seconds) })
	var out []string
	for _, k := range kinds[:min(3, len(kinds))] {
		out = append(out, fmt.Sprintf("%s %.1f", k.Kind, k.Seconds))
	}
	return strings.Join(out, ", ")
}

// printCoverage prints, per package and variant, how many tests ran and how many were
// left out.
func (r *results) printCoverage(w io.Writer) {
	type sum struct{ ran, left int }
	sums := map[string]*sum{}
	for _, t := range r.tests {
		if sums[t.pkg] == nil {
			sums[t.pkg] = &sum{}
		}
		if t.wasLeftOut() {
			sums[t.pkg].left++
		} else {
			sums[t.pkg].ran++
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ran\tleft out\tpackage")
	for _, pkg := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(t, "%d\t%d\t%s\n", sums[pkg].ran, sums[pkg].left, pkg)
	}
	t.Flush()
	for _, x := range r.tests {
		if x.wasLeftOut() {
			fmt.Fprintln(w, "left out:", x.title())
		}
	}
}
