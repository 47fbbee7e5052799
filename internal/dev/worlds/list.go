package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// listed is what a test says of itself: e2e's listing.
type listed struct {
	Test    string
	Engines []string
	Always  bool
	Slow    bool
	Cgroup2 bool
}

// unit is one test in one variant: what a world is made for.
type unit struct {
	suite   suite
	test    string
	engine  string
	cgroup2 bool // on cgroup v2 where the machine has v1
	slow    bool
}

// suite is a package of tests, as a program.
type suite struct{ folder, program string }

// suites is the value of the flag -suite.
type suites []suite

func (s *suites) String() string { return fmt.Sprint(*s) }

// Set adds a suite.
func (s *suites) Set(text string) error {
	folder, program, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("%q is not FOLDER=PROGRAM", text)
	}
	program, err := filepath.Abs(program)
	*s = append(*s, suite{folder, program})
	return err
}

const module = "stackup.dev/stackup/"

// pkg is the name under which events tell of the variant.
func (u unit) pkg() string { return module + u.suite.folder + "/" + u.variant() }

func (u unit) variant() string {
	name := u.engine
	if u.cgroup2 {
		name += "-cgroup2"
	}
	return name
}

// list asks the test program which tests it has, and returns what is to be run, the
// long ones first.
func list(ctx context.Context, o options) ([]unit, error) {
	var out []unit
	for _, s := range o.suites {
		units, err := s.list(ctx, o)
		if err != nil {
			return nil, err
		}
		if len(units) == 0 && o.pattern == "." && o.variant == "" {
			return nil, fmt.Errorf("%s has no test", s.program)
		}
		out = append(out, units...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no test matches %q", o.pattern)
	}
	return repeat(longestFirst(out), o.count), nil
}

// list asks one program.
func (s suite) list(ctx context.Context, o options) (out []unit, err error) {
	pattern, err := regexp.Compile(o.pattern)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "worlds-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "list")
	if out, err := s.run(ctx, path, "-test.run", o.pattern); err != nil {
		return nil, fmt.Errorf("list the tests of %s: %w\n%s", s.folder, err, out)
	}
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	names, err := s.run(ctx, path, "-test.list", o.pattern)
	if err != nil {
		return nil, fmt.Errorf("list the tests of %s: %w\n%s", s.folder, err, names)
	}
	if missing := unlisted(names, string(text)); len(missing) > 0 {
		return nil, fmt.Errorf("%s: %s must make a world before anything else", s.folder, strings.Join(missing, ", "))
	}
	for line := range strings.Lines(string(text)) {
		var l listed
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			return nil, err
		}
		if !pattern.MatchString(l.Test) {
			continue // the program lists all that it has
		}
		for _, u := range l.units(o.all) {
			u.suite = s
			if o.variant == "" || u.pkg() == o.variant {
				out = append(out, u)
			}
		}
	}
	return out, nil
}

// run runs the program so that its tests note themselves in the file at path.
func (s suite) run(ctx context.Context, path, flag, pattern string) (string, error) {
	c := exec.CommandContext(ctx, s.program, flag, pattern)
	c.Dir = s.folder
	c.Env = append(os.Environ(), "E2E_LIST="+path)
	out, err := c.CombinedOutput()
	return string(out), err
}

// unlisted returns those tests, of the output of -test.list, that have not noted
// themselves: they do something else first than making their world.
func unlisted(names, text string) []string {
	return slices.DeleteFunc(strings.Fields(names), func(name string) bool {
		return strings.Contains(text, fmt.Sprintf("{%q:%q,", "test", name))
	})
}

// units are the variants of a test in a run: of most tests one, on the engine that
// it prefers. Tests of the main path, and all tests of a run of everything, take every
// engine, and cgroup v2 on the first of them.
func (l listed) units(all bool) (out []unit) {
	for i, engine := range l.Engines {
		if i > 0 && !all && !l.Always {
			break
		}
		u := unit{test: l.Test, engine: engine, slow: l.Slow}
		out = append(out, u)
		if i == 0 && (all || l.Always || l.Cgroup2) && !hostHasCgroup2() {
			u.cgroup2 = true
			out = append(out, u)
		}
	}
	return out
}

func longestFirst(units []unit) []unit {
	slices.SortStableFunc(units, func(a, b unit) int {
		switch {
		case a.slow == b.slow:
			return 0
		case a.slow:
			return -1
		}
		return 1
	})
	return units
}

func repeat(units []unit, count int) (out []unit) {
	for range count {
		out = append(out, units...)
	}
	return out
}

// hostHasCgroup2 reports whether the machine has cgroup v2 alone.
func hostHasCgroup2() bool {
	_, err := os.Stat("/sys/fs/cgroup/cgroup.controllers")
	return err == nil
}
