package measure

import (
	"os"
	"os/exec"
	"testing"
)

func TestParentIn(t *testing.T) {
	for stat, want := range map[string]int{
		"12 (sh) S 7 12 12 0":       7,
		"12 (a b) c) S 9 12 12 0":   9,
		"12 (sh) S":                 0,
		"12 (odd (name)) R 1 2 3 4": 1,
	} {
		if got := parentIn([]byte(stat)); got != want {
			t.Errorf("parentIn(%q) = %d, want %d", stat, got, want)
		}
	}
}

func TestBelongingTakesChildrenAlong(t *testing.T) {
	all := []process{
		{pid: 1, line: "init"},
		{pid: 2, parent: 1, line: "engine --root /t/a/root"},
		{pid: 3, parent: 2, line: "proxy"},
		{pid: 4, parent: 1, line: "engine --root /t/ab/root"},
		{pid: 5, parent: 1, line: "x", program: "/t/a/bin/x"},
		{pid: 6, parent: 3, line: "grandchild"},
	}
	var got []int
	for _, p := range belonging(all, []string{"/t/a"}) {
		got = append(got, p.pid)
	}
	if want := []int{2, 3, 5, 6}; len(got) != len(want) || got[0] != 2 || got[1] != 3 || got[2] != 5 || got[3] != 6 {
		t.Errorf("belonging to /t/a: %v, want %v", got, want)
	}
}

func TestRunningFindsAProcessByItsLine(t *testing.T) {
	c := exec.Command("sleep", "98765.25")
	c.Env = append(os.Environ(), "MARK=yes")
	if err := c.Start(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	pids, err := Running("sleep 98765.25")
	if err != nil || len(pids) != 1 || pids[0] != c.Process.Pid {
		t.Fatalf("Running = %v, %v, want %d", pids, err, c.Process.Pid)
	}
	if n := HasEnv(pids, "MARK=yes"); n != 1 {
		t.Errorf("%d have MARK=yes, want 1", n)
	}
	if n := HasEnv(pids, "MARK=y"); n != 0 {
		t.Errorf("%d have MARK=y, want 0", n)
	}
}
