package measure

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Helper finds the one process that has a word and a folder in its command line,
// and no other process's command line as one of its arguments.
func Helper(word, folder string) (pid int, err error) {
	all, err := processes()
	if err != nil {
		return 0, err
	}
	for _, p := range all {
		if strings.Contains(p.line, folder) && strings.Contains(p.line, word) && (word != "__supervise" || strings.HasSuffix(p.line, word)) {
			return p.pid, nil
		}
	}
	return 0, errors.New("there is none")
}

// Resident is what of a process is in memory, in bytes, and what of that it
// shares with nobody.
func Resident(pid int) (all, private int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for line := range strings.Lines(string(b)) {
		var kb int64
		var name string
		if _, err := fmt.Sscanf(line, "%s %d kB", &name, &kb); err != nil {
			continue
		}
		switch name {
		case "Rss:":
			all = kb << 10
		case "Private_Clean:", "Private_Dirty:":
			private += kb << 10
		}
	}
	return all, private, err
}
