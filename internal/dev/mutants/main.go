// Command mutants shows that the tests bite: it runs, with one deliberate fault at a
// time, the part of `make test` that must catch it. No file of the checkout changes:
// the compiler is given the faulty file in the place of the real one.
//
//	mutants [-run PATTERN]
//
// `make mutants` runs it: in the checkout, after `make e2e-programs`, with make's
// environment. The exit code is 1 if a fault is caught by nothing.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

func main() {
	pattern := flag.String("run", ".", "regular expression for the names of the faults")
	flag.Parse()
	if err := run(regexp.MustCompile(*pattern)); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(pattern *regexp.Regexp) error {
	chosen := slices.DeleteFunc(slices.Clone(mutants), func(m mutant) bool { return !pattern.MatchString(m.name) })
	if len(chosen) == 0 {
		return fmt.Errorf("no fault has a name that matches %s", pattern)
	}
	missed, sound := 0, map[string]bool{}
	for _, m := range chosen {
		if !sound[m.unit+m.e2e] {
			if err := m.passesWithout(); err != nil {
				return err
			}
			sound[m.unit+m.e2e] = true
		}
		begin := time.Now()
		caught, err := m.tryOut()
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		word := "caught"
		if !caught {
			word = "MISSED"
			missed++
		}
		fmt.Printf("%s by %s%s in %.0f s: %s\n", word, m.unit, m.e2e, time.Since(begin).Seconds(), m.name)
	}
	if missed > 0 {
		return fmt.Errorf("%d faults are caught by no test", missed)
	}
	return nil
}

// passesWithout returns an error if the tests fail without the fault too.
func (m mutant) passesWithout() error {
	c := unitTests(m.unit)
	if m.e2e != "" {
		c = m.e2eTests("bin/stackup")
	}
	switch bad, err := failed(c); {
	case err != nil:
		return err
	case bad:
		return fmt.Errorf("%s%s fails without a fault", m.unit, m.e2e)
	}
	return nil
}

func unitTests(pkg string, flags ...string) *exec.Cmd {
	args := append([]string{"test", "-vet=off", "-count=1", "-timeout", "2m"}, flags...)
	return exec.Command("go", append(args, pkg)...)
}

// e2eTests runs a test of e2e with a program. Its logs stay in build/mutants.
func (m mutant) e2eTests(program string) *exec.Cmd {
	return exec.Command("build/test/worlds", "-suite", "e2e=build/test/e2e.test", "-stackup", program, "-summary",
		"-logs", "build/mutants", "-test.run", "^"+m.e2e+"$")
}

// tryOut reports whether the fault is caught.
func (m mutant) tryOut() (caught bool, err error) {
	dir, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	overlay, err := m.overlay(dir)
	if err != nil {
		return false, err
	}
	if m.unit != "" {
		if out, err := exec.Command("go", "vet", "-overlay", overlay, m.unit).CombinedOutput(); err != nil {
			return false, fmt.Errorf("the fault does not compile: %w\n%s", err, out)
		}
		return failed(unitTests(m.unit, "-overlay", overlay))
	}
	program, err := build(dir, overlay)
	if err != nil {
		return false, err
	}
	return failed(m.e2eTests(program))
}

// overlay writes the faulty file, and what the compiler reads to take it.
func (m mutant) overlay(dir string) (path string, err error) {
	text, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return "", fmt.Errorf("%s has the text of the fault %d times, not once: bring internal/dev/mutants up to date", m.file, n)
	}
	faulty := filepath.Join(dir, "faulty.go")
	if err := os.WriteFile(faulty, []byte(strings.Replace(string(text), m.old, m.new, 1)), 0o600); err != nil {
		return "", err
	}
	path, err = filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(map[string]map[string]string{"Replace": {path: faulty}})
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, b, 0o600)
}

// build makes a stackup with the fault, beside the real helper programs.
func build(dir, overlay string) (program string, err error) {
	program = filepath.Join(dir, "stackup")
	c := exec.Command("go", "build", "-overlay", overlay, "-o", program, "./cmd/stackup")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the fault does not compile: %w\n%s", err, out)
	}
	helpers, err := filepath.Abs("bin/libexec")
	if err != nil {
		return "", err
	}
	return program, os.Symlink(helpers, filepath.Join(dir, "libexec"))
}

// failed runs tests and reports whether they failed, as they must.
func failed(c *exec.Cmd) (bool, error) {
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false, nil
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		return true, nil
	}
	return false, fmt.Errorf("%v: %w\n%s", c.Args, err, out)
}
