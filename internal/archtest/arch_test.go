// Package archtest holds the test that keeps the house as it was laid out:
// which package may import which, and who may touch which library.
package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// list asks the go command about packages.
func list(t *testing.T, pattern string) []pkg {
	t.Helper()
	base := []string{
		"list", "-e", "-tags=e2e,embedded",
		"-json=Name,ImportPath,Dir,GoFiles,CgoFiles,Imports,TestImports,XTestImports,Deps",
	}
	cmd := exec.CommandContext(t.Context(), "go", append(base, pattern)...)
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var pkgs []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func report(t *testing.T, bad []string) {
	t.Helper()
	for _, b := range bad {
		t.Error(b)
	}
}

// noteFiles looks at every Go file, so that the go command runs this test again when one
// has changed: it does not see what the go command of list reads.
func noteFiles(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "build" || d.Name() == ".git") {
			return fs.SkipDir
		}
		if filepath.Ext(path) == ".go" || d.Name() == "go.mod" {
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestHouse(t *testing.T) {
	noteFiles(t)
	pkgs := list(t, "./...")
	if len(pkgs) < 5 {
		t.Fatalf("go list knows of %d packages only", len(pkgs))
	}
	seen := map[string]bool{}
	for _, p := range pkgs {
		seen[p.short()] = true
		if p.Name == "main" && len(p.Deps) == 0 {
			t.Errorf("go list does not say what %s links", p.short())
		}
		t.Run(p.short(), func(t *testing.T) {
			report(t, checkArrows(rows, p))
			report(t, checkForeign(foreigners, p))
			report(t, checkName(p))
			report(t, checkHelper(p))
			checkSource(t, p)
		})
	}
	for _, name := range []string{"spec", "planner", "executor"} {
		if !seen[name] {
			t.Errorf("go list does not know %s", name)
		}
	}
}

// checkSource applies the rules that need a look into files.
func checkSource(t *testing.T, p pkg) {
	t.Helper()
	if p.short() != "planner" && p.short() != "spec" {
		return
	}
	files, err := parse(p)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Error("no source files to look into")
	}
	for _, f := range files {
		if p.short() == "planner" {
			report(t, checkPure(f))
		} else {
			report(t, checkNoLeak(f, "github.com/compose-spec/compose-go"))
		}
	}
}

func TestEveryRowHasAReason(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rows {
		if r.reason == "" {
			t.Errorf("row %s has no reason", r.pkg)
		}
		if seen[r.pkg] {
			t.Errorf("row %s is there twice", r.pkg)
		}
		seen[r.pkg] = true
	}
	for _, f := range foreigners {
		if f.reason == "" {
			t.Errorf("rule for %s has no reason", f.path)
		}
	}
}
