package tool

import (
	"slices"
	"strings"
	"testing"
)

// The benchmark removes these groups with all below them.
func TestGroupsAreOfOneRunAlone(t *testing.T) {
	one, two := Place{Dir: "/tmp/stackup-bench-1"}.Groups(), Place{Dir: "/tmp/stackup-bench-2"}.Groups()
	for _, name := range one {
		if name == "" || strings.ContainsAny(name, "/*?[") {
			t.Errorf("%q is no plain name", name)
		}
		if slices.Contains(two, name) {
			t.Errorf("two runs share %s", name)
		}
	}
}
