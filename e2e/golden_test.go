//go:build e2e

package e2e

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew instead of comparing with them")

// golden is a file with what a program has to say, a section for each case.
type golden struct {
	path     string
	sections map[string]string // as the file has it
	fresh    strings.Builder   // as this run has it
	seen     int
}

// sectionMark begins the line with a section's name.
const sectionMark = "=== "

func openGolden(t *testing.T, path string) *golden {
	t.Helper()
	g := &golden{path: path, sections: map[string]string{}}
	b, err := os.ReadFile(path)
	if missing := errors.Is(err, os.ErrNotExist); err != nil && (!missing || !*update) {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq("\n"+string(b), "\n"+sectionMark) {
		if name, text, ok := strings.Cut(part, "\n"); ok && name != "" {
			g.sections[name] = strings.TrimSpace(text)
		}
	}
	return g
}

// compare fails the test if a section is not as the file has it.
func (g *golden) compare(t *testing.T, name, text string) {
	t.Helper()
	text = strings.TrimSpace(text)
	g.seen++
	g.fresh.WriteString(sectionMark + name + "\n" + text + "\n\n")
	if *update {
		return
	}
	if diff := cmp.Diff(g.sections[name], text); diff != "" {
		t.Errorf("%s, %s (-want +got; -update writes it anew):\n%s", g.path, name, diff)
	}
}

// close fails the test for sections that no case has any more, or writes the file.
func (g *golden) close(t *testing.T) {
	t.Helper()
	if *update {
		check(t, os.MkdirAll(filepath.Dir(g.path), 0o755))
		check(t, os.WriteFile(g.path, []byte(strings.TrimSpace(g.fresh.String())+"\n"), 0o644))
		return
	}
	if g.seen != len(g.sections) && !t.Failed() {
		t.Errorf("%s has %d sections, %d cases ran", g.path, len(g.sections), g.seen)
	}
}
