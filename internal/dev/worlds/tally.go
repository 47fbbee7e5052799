package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// tally counts failures per test; as a reporter it prints them at the end.
type tally struct {
	mu    sync.Mutex
	runs  map[string]int // by variant and test
	fails map[string]int
}

func newTally(units []unit) *tally {
	t := &tally{runs: map[string]int{}, fails: map[string]int{}}
	for _, u := range units {
		t.runs[t.name(u)] = 0
	}
	return t
}

func (t *tally) name(u unit) string {
	return strings.TrimPrefix(u.pkg(), module) + " " + u.test
}

func (t *tally) ended(u unit, _ []event, failed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.runs[t.name(u)]++
	if failed {
		t.fails[t.name(u)]++
	}
}

// failed is how many runs have failed.
func (t *tally) failed() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.fails {
		n += f
	}
	return n
}

// missing returns the error of a run that was ended before its end. One that only counts
// failures may be, once each test has run.
func (t *tally) missing(wanted int, counts bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	ended, never := 0, 0
	for _, n := range t.runs {
		ended += n
		if n == 0 {
			never++
		}
	}
	switch {
	case !counts:
		return fmt.Errorf("interrupted: %d of %d runs have not ended", wanted-ended, wanted)
	case never > 0:
		return fmt.Errorf("interrupted: %d of %d tests have not run once", never, len(t.runs))
	}
	return nil
}

func (t *tally) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	total := 0
	for _, name := range slices.Sorted(maps.Keys(t.runs)) {
		total += t.runs[name]
		if f := t.fails[name]; f > 0 {
			fmt.Printf("%s: %d of %d runs failed\n", name, f, t.runs[name])
		}
	}
	fmt.Printf("%d runs of %d tests, %d tests failed at least once\n", total, len(t.runs), len(t.fails))
}
