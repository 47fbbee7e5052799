package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// unmapProgram takes the pages of this program's own file out of this process: its
// start and a burst of work touch, and the kernel maps around what they touch, most
// of the file, of which little is needed later. What is needed again comes back from
// the file. It is best effort: what cannot be unmapped stays.
func unmapProgram() {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer func() { _ = maps.Close() }() // only read from
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		if from, size, ok := readOnlyOf(self, lines.Text()); ok {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, size, unix.MADV_DONTNEED)
		}
	}
}

// readOnlyOf gives the place of a mapping (proc_pid_maps(5)) of a file that nobody
// writes to: giving up a page that was written to would lose what was written.
func readOnlyOf(file, line string) (from, size uintptr, ok bool) {
	f := strings.Fields(line)
	if len(f) != 6 || f[5] != file || (f[1] != "r-xp" && f[1] != "r--p") {
		return 0, 0, false
	}
	var to uintptr
	if _, err := fmt.Sscanf(f[0], "%x-%x", &from, &to); err != nil || to <= from {
		return 0, 0, false
	}
	return from, to - from, true
}
