package spec_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"stackup.dev/stackup/spec"
)

const recalled = `
version: "3"
services:
  web:
    image: nginx
    entrypoint: []
    environment: {LEVEL: "${LEVEL:-info}", TOKEN: }
    env_file: [{path: app.env, required: false}]
    extends: {file: base.yaml, service: base}
    ports: ["80", "127.0.0.1:8000-8010:81/udp"]
    volumes: ["./site:/site:ro", "data:/data", "/anon"]
    tmpfs: /scratch:size=1m
    healthcheck: {test: ["CMD", "true"], interval: 1s}
    depends_on: {db: {condition: service_healthy}}
    develop: {watch: [{path: ./site, action: sync, target: /site}]}
    stop_grace_period: 0s
  db:
    image: postgres
    command: ""
    restart: "on-failure:3"
    deploy: {replicas: 2}
volumes: {data: {}}
`

// recallIn loads the stack of dir and keeps what is to be kept.
func recallIn(t *testing.T, dir string, kept *[]byte, environ ...string) (s *spec.Stack, fromMemo bool) {
	t.Helper()
	o := spec.Options{WorkingDir: dir, Environ: append([]string{"HOME=/root"}, environ...)}
	s, memo, err := spec.Recall(t.Context(), o, func(string) []byte { return *kept })
	if err != nil {
		t.Fatal(err)
	}
	if memo == nil {
		return s, true
	}
	if *kept, err = memo.Bytes(); err != nil {
		t.Fatal(err)
	}
	return s, false
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRecallGivesTheSame: what comes from the memo is what a load gives.
func TestRecallGivesTheSame(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "compose.yaml", recalled)
	put(t, dir, "base.yaml", "services: {base: {image: x, labels: {a: b}}}\n")
	put(t, dir, "app.env", "FROM=file\n")
	var kept []byte
	first, fromMemo := recallIn(t, dir, &kept)
	if fromMemo {
		t.Fatal("the first load came from nowhere")
	}
	second, fromMemo := recallIn(t, dir, &kept)
	if !fromMemo {
		t.Fatal("nothing changed, and the stack was loaded again")
	}
	if diff := cmp.Diff(first, second, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-loaded +recalled:\n%s", diff)
	}
	for i := range first.Services {
		if a, b := first.Services[i].Hash(), second.Services[i].Hash(); a != b {
			t.Errorf("hash of %s: loaded %s, recalled %s", first.Services[i].Name, a, b)
		}
	}
}

// TestRecallSeesEveryInput: a change of anything that the load depends on
// makes it load again, and a change of anything else does not.
func TestRecallSeesEveryInput(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, dir string) (environ []string)
		again  bool
	}{
		{"nothing", func(*testing.T, string) []string { return nil }, false},
		{"a variable that nobody names", func(*testing.T, string) []string { return []string{"SHLVL=3"} }, false},
		{"a variable with a default", func(*testing.T, string) []string { return []string{"LEVEL=debug"} }, true},
		{"a variable passed through", func(*testing.T, string) []string { return []string{"TOKEN=x"} }, true},
		{"a variable in an env file", func(*testing.T, string) []string { return []string{"OTHER=x"} }, true},
		{"a setting", func(*testing.T, string) []string { return []string{"COMPOSE_PROFILES=x"} }, true},
		{"the file", func(t *testing.T, dir string) []string { put(t, dir, "compose.yaml", recalled+"\n"); return nil }, true},
		{"what it extends", func(t *testing.T, dir string) []string {
			put(t, dir, "base.yaml", "services: {base: {image: y}}\n")
			return nil
		}, true},
		{"an env file", func(t *testing.T, dir string) []string { put(t, dir, "app.env", "FROM=elsewhere\n"); return nil }, true},
		{"an env file that went away", func(t *testing.T, dir string) []string {
			if err := os.Remove(filepath.Join(dir, "app.env")); err != nil {
				t.Fatal(err)
			}
			return nil
		}, true},
		{"a new .env", func(t *testing.T, dir string) []string { put(t, dir, ".env", "LEVEL=warn\n"); return nil }, true},
		{"a new override file", func(t *testing.T, dir string) []string {
			put(t, dir, "compose.override.yaml", "services: {db: {image: mysql}}\n")
			return nil
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, "compose.yaml", recalled)
			put(t, dir, "base.yaml", "services: {base: {image: x, labels: {a: b}}}\n")
			put(t, dir, "app.env", "FROM=${OTHER:-file}\n")
			var kept []byte
			recallIn(t, dir, &kept)
			environ := tt.change(t, dir)
			if _, fromMemo := recallIn(t, dir, &kept, environ...); fromMemo == tt.again {
				t.Errorf("taken from the memo: %t, want %t", fromMemo, !tt.again)
			}
		})
	}
}

// TestRecallRefusesAsLoadDoes: a file that has become bad is refused, whatever
// is remembered; a damaged memo is no harm.
func TestRecallRefusesAsLoadDoes(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "compose.yaml", "services: {a: {image: x, env_file: app.env}}\n")
	put(t, dir, "app.env", "A=1\n")
	var kept []byte
	recallIn(t, dir, &kept)
	if err := os.Remove(filepath.Join(dir, "app.env")); err != nil {
		t.Fatal(err)
	}
	o := spec.Options{WorkingDir: dir, Environ: []string{"HOME=/root"}}
	if _, _, err := spec.Recall(t.Context(), o, func(string) []byte { return kept }); err == nil {
		t.Error("a missing env file was forgotten")
	}
	put(t, dir, "app.env", "A=1\n")
	damaged := kept[:len(kept)/2]
	if _, fromMemo := recallIn(t, dir, &damaged); fromMemo {
		t.Error("half a memo was taken")
	}
}

// TestRecallLeavesIncludeAlone: included files have environments of their own.
func TestRecallLeavesIncludeAlone(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "compose.yaml", "include: [more.yaml]\nservices: {a: {image: x}}\n")
	put(t, dir, "more.yaml", "services: {b: {image: x}}\n")
	o := spec.Options{WorkingDir: dir}
	if _, memo, err := spec.Recall(t.Context(), o, func(string) []byte { return nil }); err != nil || memo != nil {
		t.Errorf("memo %v, %v", memo, err)
	}
}
