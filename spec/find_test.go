package spec_test

import (
	"errors"
	"io/fs"
	"testing"

	"stackup.dev/stackup/spec"
)

// TestNoFileAtAllIsAClassOfItsOwn: with -p some commands work without a file,
// yet a file that is named and missing is always an error.
func TestNoFileAtAllIsAClassOfItsOwn(t *testing.T) {
	for name, tt := range map[string]struct {
		files []string
		want  bool
	}{
		"none named, none found": {nil, true},
		"named and missing":      {[]string{"no-such.yaml"}, false},
	} {
		_, err := spec.Load(t.Context(), spec.Options{WorkingDir: t.TempDir(), ProjectName: "shop", Files: tt.files})
		if err == nil || errors.Is(err, fs.ErrNotExist) != tt.want {
			t.Errorf("%s: %v matches: %t", name, err, !tt.want)
		}
	}
}
