package cgroup

import (
	"os"
	"path/filepath"
	"strings"
)

// RanOutOfMemory reports whether the kernel has ended a process of the group because the
// group had no memory left (oom_kill of memory.events in version 2, of memory.oom_control
// in version 1). It is false where the memory of the group is not counted.
func (g Group) RanOutOfMemory() bool {
	for _, folder := range g.folders {
		for _, name := range []string{"memory.events", "memory.oom_control"} {
			b, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				continue // of another controller, or just gone
			}
			for line := range strings.Lines(string(b)) {
				f := strings.Fields(line)
				if len(f) == 2 && f[0] == "oom_kill" && f[1] != "0" {
					return true
				}
			}
		}
	}
	return false
}
