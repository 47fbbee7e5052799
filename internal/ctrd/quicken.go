package ctrd

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// cgroupRoot is where control groups of either version are mounted.
const cgroupRoot = "/sys/fs/cgroup"

// quicken spares the OCI runtime a wait of 5 to 12 ms. The kernel moves a
// process to another control group at once if it has done so for any process
// in the last 15 ms, else after a grace period of RCU (percpu-rwsem). So we are
// moved, while the runtime still starts, to the group that we are in.
func quicken() {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(own)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3) // ID:controllers:path, cgroups(7)
		if len(f) != 3 {
			continue
		}
		if procs := filepath.Join(cgroupRoot, f[1], f[2], "cgroup.procs"); lists(procs, os.Getpid()) {
			moveTo(procs, os.Getpid())
			return
		}
	}
}

// lists says whether a process is in the group of that cgroup.procs.
func lists(procs string, pid int) bool {
	b, err := os.ReadFile(procs)
	return err == nil && slices.Contains(strings.Fields(string(b)), strconv.Itoa(pid))
}

func moveTo(procs string, pid int) {
	fd, err := unix.Open(procs, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	_, _ = unix.Write(fd, []byte(strconv.Itoa(pid))) // no harm if it cannot
	_ = unix.Close(fd)
}
