package spec_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"stackup.dev/stackup/spec"
)

// TestLoad runs testdata/load/*.txtar. The comment holds options, one per
// line (file, project, profile, env-file, env, dir, cd, trust); the other
// sections are files; the section "want" is the Stack as JSON with its
// notices, or the error.
func TestLoad(t *testing.T) {
	cases, err := filepath.Glob("testdata/load/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			arc, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			root := t.TempDir()
			got := strings.ReplaceAll(runCase(t, arc, root), root, "$TMP")
			checkWant(t, file, arc, got)
		})
	}
}

func runCase(t *testing.T, arc *txtar.Archive, root string) string {
	t.Helper()
	dir := filepath.Join(root, "demo")
	o := caseOptions(string(arc.Comment), dir)
	for _, f := range arc.Files {
		if f.Name != "want" {
			write(t, filepath.Join(dir, f.Name), string(f.Data))
		}
	}
	stack, err := spec.Load(t.Context(), o)
	if err != nil {
		return err.Error() + "\n"
	}
	data, err := json.MarshalIndent(stack, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.Write(data)
	b.WriteString("\n")
	for _, n := range stack.Notices {
		b.WriteString("notice: " + n + "\n")
	}
	return b.String()
}

func caseOptions(comment, dir string) spec.Options {
	o := spec.Options{WorkingDir: dir}
	for line := range strings.Lines(comment) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch key {
		case "file":
			o.Files = append(o.Files, value)
		case "project":
			o.ProjectName = value
		case "profile":
			o.Profiles = append(o.Profiles, value)
		case "env-file":
			o.EnvFiles = append(o.EnvFiles, value)
		case "env":
			o.Environ = append(o.Environ, value)
		case "dir":
			o.ProjectDir = value
		case "cd":
			o.WorkingDir = filepath.Join(dir, value)
		case "stdin":
			o.Stdin = strings.NewReader(strings.ReplaceAll(value, `\n`, "\n"))
		case "trust":
			o.Trust = true
		}
	}
	return o
}

func checkWant(t *testing.T, file string, arc *txtar.Archive, got string) {
	t.Helper()
	for i, f := range arc.Files {
		if f.Name != "want" {
			continue
		}
		if updating() {
			arc.Files[i].Data = []byte(got)
			if err := os.WriteFile(file, txtar.Format(arc), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		if diff := cmp.Diff(string(f.Data), got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		return
	}
	t.Fatal("the case has no section want")
}
