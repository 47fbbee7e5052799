package main

import (
	"slices"
	"strings"
	"testing"
)

// variants are the variants that a test runs in.
func variants(l listed, all bool) []string {
	var out []string
	for _, u := range l.units(all) {
		out = append(out, u.variant())
	}
	return out
}

func TestVariantsOfATest(t *testing.T) {
	if hostHasCgroup2() {
		t.Skip("on a machine with cgroup v2 no variant has it")
	}
	engines := []string{"embedded", "containerd-2.4", "containerd-debian"}
	for _, tc := range []struct {
		name string
		l    listed
		all  bool
		want string
	}{
		{"a scenario runs on its preferred engine", listed{Engines: engines}, false, "embedded"},
		{"the main path runs on all", listed{Engines: engines, Always: true}, false, "embedded embedded-cgroup2 containerd-2.4 containerd-debian"},
		{"what is about cgroup v2 runs there too", listed{Engines: engines, Cgroup2: true}, false, "embedded embedded-cgroup2"},
		{"everything runs everywhere", listed{Engines: engines}, true, "embedded embedded-cgroup2 containerd-2.4 containerd-debian"},
		{"what is about one engine stays there", listed{Engines: engines[1:2]}, false, "containerd-2.4"},
	} {
		if got := strings.Join(variants(tc.l, tc.all), " "); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestLongTestsComeFirst(t *testing.T) {
	units := longestFirst([]unit{{test: "a"}, {test: "b", slow: true}, {test: "c"}, {test: "d", slow: true}})
	var got []string
	for _, u := range units {
		got = append(got, u.test)
	}
	if !slices.Equal(got, []string{"b", "d", "a", "c"}) {
		t.Errorf("order %v", got)
	}
}

// TestUnlisted: a test that skips itself before it makes a world is not forgotten.
func TestUnlisted(t *testing.T) {
	got := unlisted("TestA\nTestAB\n", `{"test":"TestAB","engines":["embedded"]}`+"\n")
	if !slices.Equal(got, []string{"TestA"}) {
		t.Errorf("%v", got)
	}
}

func TestSuiteFlag(t *testing.T) {
	var s suites
	if err := s.Set("e2e=build/x.test"); err != nil || len(s) != 1 || s[0].folder != "e2e" || !strings.HasPrefix(s[0].program, "/") {
		t.Errorf("%v, %v", s, err)
	}
	if err := s.Set("e2e"); err == nil {
		t.Error("a suite without a program is taken")
	}
}
