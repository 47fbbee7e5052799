package main

import (
	"strings"
	"testing"
)

func TestStackHasWhatTheTablePromises(t *testing.T) {
	for _, n := range []int{1, 10, 50} {
		text := stack(n, "1")
		for what, want := range map[string]int{
			"image: " + busybox: n, "stop_signal: SIGKILL": n, "stop_grace_period: 1s": n,
			":8080\"": min(n, published), "REVISION: \"1\"": 1,
		} {
			if got := strings.Count(text, what); got != want {
				t.Errorf("%d services: %q comes %d times, want %d", n, what, got, want)
			}
		}
	}
}

func TestRevisionsDifferInOneLine(t *testing.T) {
	one, two := strings.Split(stack(50, "1"), "\n"), strings.Split(stack(50, "2"), "\n")
	differ := 0
	for i := range one {
		if one[i] != two[i] {
			differ++
		}
	}
	if len(one) != len(two) || differ != 1 {
		t.Errorf("%d lines differ, of %d and %d", differ, len(one), len(two))
	}
}

func TestParseRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, args := range [][]string{{"-tools", "podman"}, {"-cases", "upp"}, {"-sizes", "0"}, {"-sizes", "1,x"}, {"-rounds", "0"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("parse(%q) accepts", args)
		}
	}
	o, err := parse([]string{"-sizes", "50,1,50"})
	if err != nil || len(o.sizes) != 2 || o.sizes[0] != 1 {
		t.Errorf("sizes %v, %v, want 1 and 50", o.sizes, err)
	}
}
