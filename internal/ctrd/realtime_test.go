package ctrd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/spec"
)

// TestRaiseRealtime: each group above has what all below it have together, in its
// own period, and none is lowered.
func TestRaiseRealtime(t *testing.T) {
	root := t.TempDir()
	group := func(path string, runtime, period int64) {
		dir := filepath.Join(root, path)
		fatal(t, os.MkdirAll(dir, 0o700))
		fatal(t, setGroupNumber(dir, rtRuntimeFile, runtime))
		fatal(t, setGroupNumber(dir, rtPeriodFile, period))
	}
	all := func() map[string]string {
		out := map[string]string{}
		for _, path := range []string{"own", "own/ns"} {
			b, err := os.ReadFile(filepath.Join(root, path, rtRuntimeFile))
			out[path] = strings.TrimSpace(string(b)) + strings.TrimPrefix(fmt.Sprint(err), "<nil>")
		}
		return out
	}
	take := func(group string, f spec.FixedResources, own, ns string) {
		t.Helper()
		fatal(t, takeRealtime(root, group, f))
		if diff := cmp.Diff(map[string]string{"own": own, "own/ns": ns}, all()); diff != "" {
			t.Errorf("%s: %s", group, diff)
		}
	}
	fatal(t, os.MkdirAll(filepath.Join(root, "own"), 0o700))
	take("/own/ns/a", spec.FixedResources{CPURTRuntime: 10_000, CPURTPeriod: 100_000}, "100000", "100000")
	group("own/other", 50_000, 1_000_000)
	take("/own/ns/b", spec.FixedResources{CPURTRuntime: 200_000}, "350000", "300000")
	take("/own/ns/a", spec.FixedResources{CPURTRuntime: 10_000, CPURTPeriod: 100_000}, "350000", "300000") // started again
	group("own/ns", 150_000, 500_000)
	take("/own/ns/c", spec.FixedResources{CPURTRuntime: 100_000}, "450000", "200000")
}
