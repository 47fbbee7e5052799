package cgroup

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRanOutOfMemory: the count of either version tells; files of another form, and none,
// do not.
func TestRanOutOfMemory(t *testing.T) {
	for _, tt := range []struct {
		name, file, content string
		want                bool
	}{
		{"version 2", "memory.events", "low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n", true},
		{"version 2, reclaimed only", "memory.events", "low 0\nhigh 0\nmax 12\noom 1\noom_kill 0\noom_group_kill 0\n", false},
		{"version 1", "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", true},
		{"version 1, none", "memory.oom_control", "oom_kill_disable 0\nunder_oom 1\noom_kill 0\n", false},
		{"an old kernel", "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n", false},
		{"empty", "memory.events", "", false},
		{"another controller", "pids.events", "max 1\n", false},
	} {
		dir := t.TempDir()
		fatal(t, os.WriteFile(filepath.Join(dir, tt.file), []byte(tt.content), 0o600))
		if got := (Group{folders: []string{t.TempDir(), dir}}).RanOutOfMemory(); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
