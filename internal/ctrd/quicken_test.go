package ctrd

import (
	"os"
	"testing"
	"testing/synctest"
)

// TestQuickenerEnds with the last that holds it, and leaves us where we are.
func TestQuickenerEnds(t *testing.T) {
	before, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { // ends only if no goroutine is left
		var q quickener
		first, second := q.hold(), q.hold()
		first()
		select {
		case <-q.stop:
			t.Error("ended while one holds it")
		default:
		}
		second()
		third := q.hold()
		third()
	})
	after, err := os.ReadFile("/proc/self/cgroup")
	if err != nil || string(after) != string(before) {
		t.Errorf("moved, or %v:\n%s", err, after)
	}
}

// TestOwnProcs finds a group that lists us, where any hierarchy is to be seen.
func TestOwnProcs(t *testing.T) {
	if procs := ownProcs(); procs != "" && !lists(procs, os.Getpid()) {
		t.Errorf("%s does not list us", procs)
	}
}
