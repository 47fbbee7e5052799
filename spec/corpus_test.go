package spec_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stackup.dev/stackup/spec"
)

// TestCorpusHasExactAnswers loads files made to hurt. Each is refused with a
// message for humans, or accepted, in less than a second.
func TestCorpusHasExactAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/corpus/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	var got strings.Builder
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		root := t.TempDir()
		dir := filepath.Join(root, "a", "b", "c", "bad")
		name := filepath.Base(f)
		write(t, filepath.Join(dir, name), string(data))
		cost := spent(t)
		stack, err := spec.Load(t.Context(), spec.Options{Files: []string{name}, WorkingDir: dir})
		if took := cost(); took > 10*time.Second {
			t.Errorf("%s took %s", name, took)
		}
		fmt.Fprintf(&got, "== %s\n", name)
		if err != nil {
			fmt.Fprintln(&got, strings.ReplaceAll(err.Error(), root, "$TMP"))
			continue
		}
		fmt.Fprintln(&got, strings.Join(append([]string{"accepted"}, stack.Notices...), "\n"))
	}
	golden(t, "testdata/corpus.golden", got.String())
}
