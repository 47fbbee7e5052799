package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// results is what a run has come to.
type results struct {
	tests []*test // in the order of their first end
	spent []spent
}

// test is one top-level test of one package. The variants of an e2e test are tests of
// packages of their own.
type test struct {
	pkg, name            string
	passed, failed, left int // how often; left out counts skips
	seconds              float64
}

// hasFailed reports whether the test never came to a good end. One that began and did
// not end, as in a program that crashed, has not.
func (t *test) hasFailed() bool { return t.passed == 0 && (t.failed > 0 || t.left == 0) }

// wasLeftOut reports whether the test said that it cannot run here.
func (t *test) wasLeftOut() bool { return t.passed+t.failed == 0 && t.left > 0 }

// spent is one kind of work of one test: e2e's record.
type spent struct {
	test    string // with its variant
	Kind    string
	Times   int
	Seconds float64
}

// read reads what a run has written below a folder.
func read(folder string) (*results, error) {
	r := &results{}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	seen := map[string]*test{}
	for _, f := range files {
		if err := r.events(f, seen); err != nil {
			return nil, err
		}
	}
	logs, err := filepath.Glob(filepath.Join(folder, "machine-*.log"))
	if err != nil {
		return nil, err
	}
	for _, f := range logs {
		if err := r.machine(f, seen); err != nil {
			return nil, err
		}
	}
	err = filepath.WalkDir(filepath.Join(folder, "e2e"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".spent" {
			return err
		}
		name, _, _ := strings.Cut(d.Name(), ".") // without the number of a second run
		return r.spending(path, filepath.Base(filepath.Dir(path))+" "+name)
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return r, err
}

// events reads one file of events. A package that failed without a test's failing
// counts as a failed test.
func (r *results) events(path string, seen map[string]*test) error {
	var failed []string
	err := lines(path, func(line []byte) error {
		var e struct {
			Action, Package, Test string
			Elapsed               float64
		}
		switch err := json.Unmarshal(line, &e); {
		case err != nil:
			return err
		case e.Test == "" && e.Action == "fail":
			failed = append(failed, e.Package)
		case e.Test != "" && !strings.Contains(e.Test, "/"):
			r.count(seen, e.Package, e.Test, e.Action, e.Elapsed)
		}
		return nil
	})
	for _, pkg := range failed {
		if !slices.ContainsFunc(r.tests, func(t *test) bool { return t.pkg == pkg && (t.failed > 0 || t.hasFailed()) }) {
			r.count(seen, pkg, "(the package)", "fail", 0)
		}
	}
	return err
}

// machine reads what the tests in the emulated machine have printed.
func (r *results) machine(path string, seen map[string]*test) error {
	pkg := "e2e/" + strings.TrimSuffix(filepath.Base(path), ".log")
	machine := pkg
	return lines(path, func(line []byte) error {
		if engine, ok := strings.CutPrefix(string(line), "machine: engine "); ok {
			pkg = machine + "-" + engine
		}
		if m := testEnd.FindStringSubmatch(string(line)); m != nil {
			seconds, err := strconv.ParseFloat(m[3], 64)
			r.count(seen, pkg, m[2], strings.ToLower(m[1]), seconds)
			return err
		}
		return nil
	})
}

// testEnd is the line with which a test ends.
var testEnd = regexp.MustCompile(`^--- (PASS|FAIL|SKIP): (\w+) \(([0-9.]+)s\)`)

// count notes the end of a test, if the action is one.
func (r *results) count(seen map[string]*test, pkg, name, action string, seconds float64) {
	key := pkg + " " + name
	t := seen[key]
	if t == nil {
		t = &test{pkg: pkg, name: name}
		seen[key] = t
		r.tests = append(r.tests, t)
	}
	switch action {
	case "pass":
		t.passed++
	case "fail":
		t.failed++
	case "skip":
		t.left++
	}
	t.seconds = max(t.seconds, seconds)
}

// spending reads what one test spent its time on.
func (r *results) spending(path, name string) error {
	return lines(path, func(line []byte) error {
		s := spent{test: name}
		err := json.Unmarshal(line, &s)
		r.spent = append(r.spent, s)
		return err
	})
}

// lines calls do for each line of a file.
func lines(path string, do func([]byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 16<<20)
	for s.Scan() {
		if err := do(s.Bytes()); err != nil {
			return err
		}
	}
	return s.Err()
}
