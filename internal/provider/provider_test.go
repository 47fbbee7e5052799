package provider

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/dev/slowness"
	"stackup.dev/stackup/spec"
)

func TestListen(t *testing.T) {
	var told []string
	env, err := listen(strings.NewReader(`{"type":"info","message":"making"}
plain words
{"type":"debug","message":"hidden"}
{"type":"setenv","message":"URL=http://x?a=b"}
`), func(line string) { told = append(told, line) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]spec.Pair{{Name: "URL", Value: "http://x?a=b"}}, env); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"making", "plain words"}, told); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{`{"type":"error","message":"no money"}`, `{"type":"setenv","message":"URL"}`} {
		if _, err := listen(strings.NewReader(bad), func(string) {}); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func TestApply(t *testing.T) {
	s := &spec.Stack{Services: []spec.Service{
		{Name: "my-db"},
		{Name: "web", DependsOn: []spec.Dependency{{Service: "my-db"}}, Environment: []spec.Pair{{Name: "MY_DB_USER", Value: "own"}, {Name: "Z", Value: "1"}}},
	}}
	got := Apply(s, map[string]Record{"my-db": {Environment: []spec.Pair{{Name: "URL", Value: "u"}, {Name: "USER", Value: "theirs"}}}})
	want := []spec.Pair{{Name: "MY_DB_URL", Value: "u"}, {Name: "MY_DB_USER", Value: "own"}, {Name: "Z", Value: "1"}}
	if diff := cmp.Diff(want, got.Services[1].Environment); diff != "" {
		t.Error(diff)
	}
	if len(s.Services[1].Environment) != 2 {
		t.Error("the stack itself has changed")
	}
}

// script is a provider's program, found by PATH.
func script(t *testing.T, text string) (calls func() string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "calls")
	for _, name := range []string{"one", "two"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho $0 $4 >>"+log+"\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return func() string {
		b, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(b), dir+"/", "")
	}
}

func quiet(string) {}

// TestChangedType: what another program has stood up is taken down by it.
func TestChangedType(t *testing.T) {
	calls := script(t, "")
	s := Store{Dir: t.TempDir()}
	for _, kind := range []string{"one", "two"} {
		if err := s.Up(t.Context(), "shop", "db", spec.Provider{Type: kind}, quiet); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Down(t.Context(), "shop", quiet); err != nil {
		t.Fatal(err)
	}
	if got, want := calls(), "one up\none down\ntwo up\ntwo down\n"; got != want {
		t.Errorf("called %q, want %q", got, want)
	}
}

// TestNothingHangs: not for a line without end, nor for a child that keeps the
// output open.
func TestNothingHangs(t *testing.T) {
	script(t, "head -c 3000000 /dev/zero | tr '\\0' x\necho\n")
	if err := (Store{Dir: t.TempDir()}).Up(t.Context(), "shop", "db", spec.Provider{Type: "one"}, quiet); err == nil {
		t.Error("a line of 3 MB is fine")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	script(t, "sleep 5 2>/dev/null &\nsleep 4 2>/dev/null\n")
	begin := slowness.Given()
	if err := (Store{Dir: t.TempDir(), Grace: 300 * time.Millisecond}).Up(ctx, "shop", "db", spec.Provider{Type: "one"}, quiet); err == nil || slowness.Given()-begin > 3*time.Second {
		t.Errorf("%v after %s", err, slowness.Given()-begin)
	}
}
