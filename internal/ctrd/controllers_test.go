package ctrd

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"stackup.dev/stackup/spec"
)

func TestControllersOfBothVersions(t *testing.T) {
	v1, v2, bare := t.TempDir(), t.TempDir(), t.TempDir()
	for _, dir := range []string{"memory", "pids", "blkio", "freezer"} {
		if err := os.Mkdir(filepath.Join(v1, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for dir, text := range map[string]string{v2: "cpu memory\n", bare: "\n"} {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.controllers"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for dir, want := range map[string][]string{v1: {"io", "memory", "pids"}, v2: {"cpu", "memory"}, bare: {}} {
		if got := controllersAt(dir); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", dir, got, want)
		}
	}
}

func TestProcessesAreBoundedWhereTheyCanBe(t *testing.T) {
	for _, tc := range []struct {
		asked      int64
		controller bool
		want       int64 // 0: no bound is written
	}{{0, true, pidsLimit}, {77, true, 77}, {-1, true, -1}, {0, false, 0}, {-1, false, 0}} {
		got := pidsOf(tc.asked, tc.controller)
		if (got == nil) != (tc.want == 0) || got != nil && *got.Limit != tc.want {
			t.Errorf("pids_limit %d, controller %v: %v, want %d", tc.asked, tc.controller, got, tc.want)
		}
	}
}

func TestLimitsWithoutAControllerAreNamed(t *testing.T) {
	none := func(string) bool { return false }
	if got := uncontrolled(spec.Resources{Pids: -1}, none); len(got) > 0 {
		t.Errorf("nobody has asked for a limit: %q", got)
	}
	asked := spec.Resources{CPUs: 1, Memory: 1, Pids: 5, BlkioReadBps: []spec.BlkioPer{{Path: "/dev/sda", Rate: 1}}}
	if got := uncontrolled(asked, none); len(got) != 4 {
		t.Errorf("cpus, mem_limit, pids_limit and blkio_config are asked for: %q", got)
	}
	if got := uncontrolled(asked, func(string) bool { return true }); len(got) > 0 {
		t.Errorf("all controllers are here: %q", got)
	}
}
