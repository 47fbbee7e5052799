package spec_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/spec"
)

// FuzzLoad: whatever the file, Load returns soon, with a stack that Validate
// accepts and that loads the same again, or with an error that says something.
func FuzzLoad(f *testing.F) {
	seeds, err := filepath.Glob("testdata/corpus/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range seeds {
		data, err := os.ReadFile(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, stack string) {
		o := project(t, stack)
		cost := spent(t)
		s, err := spec.Load(t.Context(), o)
		if took := cost(); took > 30*time.Second {
			t.Errorf("took %s", took)
		}
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a message")
			}
			return
		}
		if found := spec.Validate(s); found != nil {
			t.Errorf("accepted, yet not valid: %v", found)
		}
		again, err := spec.Load(t.Context(), o)
		if diff := cmp.Diff(s, again); err != nil || diff != "" {
			t.Errorf("loaded again: %v\n%s", err, diff)
		}
	})
}
