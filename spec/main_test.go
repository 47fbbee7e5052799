package spec_test

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"stackup.dev/stackup/spec"
)

func TestMain(m *testing.M) {
	flag.Bool("update", false, "rewrite the golden files")
	logrus.SetOutput(io.Discard) // as the program's main does: Load gives notices instead
	os.Exit(m.Run())
}

func updating() bool { return flag.Lookup("update").Value.String() == "true" }

// golden compares got with a file, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if updating() {
		write(t, file, got)
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run with -update to make it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func write(t testing.TB, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// project makes a directory with the given stack file and returns options for it.
func project(t testing.TB, stack string) spec.Options {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "demo")
	write(t, filepath.Join(dir, "stack.yaml"), stack)
	return spec.Options{WorkingDir: dir}
}

// load loads a stack file given as text.
func load(t testing.TB, stack string) (*spec.Stack, error) {
	t.Helper()
	return spec.Load(t.Context(), project(t, stack))
}

func mustLoad(t testing.TB, stack string) *spec.Stack {
	t.Helper()
	s, err := load(t, stack)
	if err != nil {
		t.Fatalf("%v\n%s", err, stack)
	}
	return s
}
