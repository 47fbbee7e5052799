package main

import (
	"errors"
	"testing"
)

// TestEndOf: neither a subtest's end nor the absence of one is the test's own.
func TestEndOf(t *testing.T) {
	sub := event{Action: "fail", Test: "TestA/one"}
	for want, events := range map[string][]event{
		"":     {sub, {Action: "run", Test: "TestA"}},
		"pass": {sub, {Action: "pass", Test: "TestA"}},
		"fail": {{Action: "pass", Test: "TestA/one"}, {Action: "fail", Test: "TestA"}},
	} {
		if got := endOf("TestA", events); got != want {
			t.Errorf("%v: %q, want %q", events, got, want)
		}
	}
	left := failing("TestA", []event{{Action: "pass", Test: "TestA/one"}, {Action: "pass", Test: "TestA"}}, errors.New("left behind"))
	if endOf("TestA", left) != "fail" || endOf("TestA/one", left) != "pass" || left[1].Output != "TestA: left behind\n" {
		t.Errorf("failed for another reason: %v", left)
	}
}

// TestMissing: a run that did not come to its end is no success, but for one that only
// counts and has run each test.
func TestMissing(t *testing.T) {
	a, b := unit{test: "TestA"}, unit{test: "TestB"}
	once := newTally([]unit{a, b})
	once.ended(a, nil, false)
	for _, counts := range []bool{false, true} {
		if err := once.missing(2, counts); err == nil {
			t.Errorf("TestB has not run, counts %t: no error", counts)
		}
	}
	once.ended(b, nil, true)
	if err := once.missing(4, true); err != nil {
		t.Errorf("each has run: %v", err)
	}
	if once.failed() == 0 {
		t.Error("TestB has failed and is not counted")
	}
}
