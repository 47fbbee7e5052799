// Command mutants shows that the tests bite: it runs, with one deliberate fault at a
// time, the part of `make test` that must catch it. No file of the checkout changes:
// the compiler is given the faulty file in the place of the real one.
//
//	mutants [-run PATTERN]
//
// It is run in the checkout, after `make e2e-programs`. The exit code is 1 if a fault
// is caught by nothing.
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
	missed := 0
	for _, m := range mutants {
		if !pattern.MatchString(m.name) {
			continue
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
		if out, err := exec.Command("go", "vet", "-buildvcs=false", "-overlay", overlay, m.unit).CombinedOutput(); err != nil {
			return false, fmt.Errorf("the fault does not compile: %w\n%s", err, out)
		}
		return failed(exec.Command("go", "test", "-buildvcs=false", "-vet=off", "-count=1", "-timeout", "2m", "-overlay", overlay, m.unit))
	}
	program, err := build(dir, overlay)
	if err != nil {
		return false, err
	}
	c := exec.Command("build/test/worlds", "-suite", "e2e=build/test/e2e.test", "-stackup", program, "-summary",
		"-logs", filepath.Join(dir, "logs"), "-test.run", "^"+m.e2e+"$")
	return failed(c)
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
	c := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-overlay", overlay, "-o", program, "./cmd/stackup")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
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
