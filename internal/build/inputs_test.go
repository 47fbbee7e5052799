package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/spec"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// project is a folder with a Dockerfile and some files, and its build.
func project(t *testing.T) (dir string, b *spec.Build) {
	t.Helper()
	dir = t.TempDir()
	write(t, filepath.Join(dir, "Dockerfile"), "FROM app/base\nCOPY . /\n")
	write(t, filepath.Join(dir, "a.txt"), "a")
	write(t, filepath.Join(dir, "sub/b.txt"), "b")
	write(t, filepath.Join(dir, "sub/ignored.log"), "x")
	write(t, filepath.Join(dir, ".dockerignore"), "**/*.log\nnode_modules\n")
	return dir, &spec.Build{Context: dir, Dockerfile: "Dockerfile", Args: []spec.Pair{{Name: "V", Value: "1"}}}
}

func inputsOf(t *testing.T, b *spec.Build, cache string) map[string]string {
	t.Helper()
	local := map[string]string{"docker.io/app/base:latest": "sha256:base"}
	found, err := Inputs(t.Context(), b, cache, func(ref string) string { return local[ref] })
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, p := range found {
		out[p.Name] = p.Value
	}
	return out
}

// TestWhatChangesInputs: each change shows in its own line and in no other.
func TestWhatChangesInputs(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, dir string, b *spec.Build)
		want   string // the line that changes; none if empty
	}{
		{"a file's content", func(t *testing.T, dir string, _ *spec.Build) { write(t, filepath.Join(dir, "sub/b.txt"), "B") }, "context"},
		{"a new file", func(t *testing.T, dir string, _ *spec.Build) { write(t, filepath.Join(dir, "c.txt"), "") }, "context"},
		{"a file is gone", func(t *testing.T, dir string, _ *spec.Build) { try(t, os.Remove(filepath.Join(dir, "a.txt"))) }, "context"},
		{"a file's mode", func(t *testing.T, dir string, _ *spec.Build) { try(t, os.Chmod(filepath.Join(dir, "a.txt"), 0o755)) }, "context"},
		{"a link's target", func(t *testing.T, dir string, _ *spec.Build) { try(t, os.Symlink("b.txt", filepath.Join(dir, "l"))) }, "context"},
		{"an ignored file", func(t *testing.T, dir string, _ *spec.Build) { write(t, filepath.Join(dir, "sub/ignored.log"), "y") }, ""},
		{"an ignored folder", func(t *testing.T, dir string, _ *spec.Build) {
			write(t, filepath.Join(dir, "node_modules/x/y.js"), "y")
		}, ""},
		{"a file's time alone", func(t *testing.T, dir string, _ *spec.Build) {
			try(t, os.Chtimes(filepath.Join(dir, "a.txt"), time.Now(), time.Now()))
		}, ""},
		{"an argument", func(_ *testing.T, _ string, b *spec.Build) { b.Args[0].Value = "2" }, "args.V"},
		{"the target", func(_ *testing.T, _ string, b *spec.Build) { b.Target = "x" }, "options"},
		{"a cache", func(_ *testing.T, _ string, b *spec.Build) { b.CacheFrom = []string{"x"} }, ""},
		{"a secret", func(_ *testing.T, _ string, b *spec.Build) { b.Secrets = []spec.BuildSecret{{ID: "s", Digest: "2"}} }, "secrets.s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, b := project(t)
			b.Secrets = []spec.BuildSecret{{ID: "s", Digest: "1"}}
			cache := t.TempDir()
			before := inputsOf(t, b, cache)
			tt.change(t, dir, b)
			var changed []string
			for name, v := range inputsOf(t, b, cache) {
				if before[name] != v {
					changed = append(changed, name)
				}
			}
			if got := strings.Join(changed, " "); got != tt.want {
				t.Errorf("changed: %q, want %q", got, tt.want)
			}
		})
	}
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestNothingIsReadAgain while no inode has changed; and everything is, if so.
func TestNothingIsReadAgain(t *testing.T) {
	_, b := project(t)
	cache := t.TempDir()
	time.Sleep(2 * tick) // files written just now are not relied on
	first := inputsOf(t, b, cache)
	notes, err := os.ReadDir(cache)
	if err != nil || len(notes) != 1 {
		t.Fatalf("notes %v, %v", notes, err)
	}
	note := filepath.Join(cache, notes[0].Name())
	text, err := os.ReadFile(note)
	try(t, err)
	outside, _, _ := strings.Cut(string(text), " ")
	write(t, note, outside+" remembered")
	if got := inputsOf(t, b, cache)["context"]; got != Short("remembered") {
		t.Errorf("context %s was worked out again", got)
	}
	write(t, note, "other "+"remembered")
	if diff := cmp.Diff(first, inputsOf(t, b, cache)); diff != "" {
		t.Errorf("(-first +again):\n%s", diff)
	}
}

func TestInputsNameBases(t *testing.T) {
	_, b := project(t)
	if got := inputsOf(t, b, t.TempDir())["image docker.io/app/base:latest"]; got != Short("sha256:base") {
		t.Errorf("base %q", got)
	}
}

func TestContextThatIsNoFolder(t *testing.T) {
	dir, b := project(t)
	b.Context = filepath.Join(dir, "a.txt")
	if _, err := Inputs(t.Context(), b, t.TempDir(), func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), "a.txt is not a folder") {
		t.Errorf("got %v", err)
	}
}

func TestMissingDockerfile(t *testing.T) {
	_, err := Inputs(t.Context(), &spec.Build{Context: t.TempDir(), Dockerfile: "no.file"}, t.TempDir(), func(string) string { return "" })
	if err == nil || !strings.HasPrefix(err.Error(), "read the Dockerfile /") {
		t.Errorf("got %v", err)
	}
}

func TestBases(t *testing.T) {
	text := `# syntax=x
ARG BASE=debian
ARG TAG
FROM --platform=$BUILDPLATFORM ${BASE}:${TAG} AS builder
RUN echo FROM nothing
from scratch
COPY --from=builder / /
FROM builder
FROM named
FROM Upper:bad:ref
`
	b := &spec.Build{Args: []spec.Pair{{Name: "TAG", Value: "12"}}, Contexts: []spec.Pair{{Name: "named", Value: "/x"}}}
	if diff := cmp.Diff([]string{"docker.io/library/debian:12"}, Bases([]byte(text), b)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFold(t *testing.T) {
	one := Fold([]spec.Pair{{Name: "a", Value: "1"}})
	if len(one) != 1 || one[0].Name != Folded || cmp.Equal(one, Fold([]spec.Pair{{Name: "a", Value: "2"}})) {
		t.Errorf("got %v", one)
	}
}
