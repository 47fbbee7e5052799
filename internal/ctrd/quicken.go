package ctrd

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// cgroupRoot is where control groups of either version are mounted.
const cgroupRoot = "/sys/fs/cgroup"

// quickener spares the OCI runtime a wait of 5 to 12 ms for every container. The
// kernel moves a process to another control group at once if it has done so for
// any process in the last 15 ms, else after a grace period of RCU
// (percpu-rwsem). So while containers start we are moved, again and again, to
// the group that we are in. The zero quickener is ready.
type quickener struct {
	mu   sync.Mutex
	held int
	stop chan struct{}
}

// quickenEvery is well below what the kernel remembers.
const quickenEvery = 6 * time.Millisecond

// hold keeps the kernel quick until release is called.
func (q *quickener) hold() (release func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held++; q.held == 1 {
		q.stop = make(chan struct{})
		go quicken(q.stop)
	}
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.held--; q.held == 0 {
			close(q.stop)
		}
	}
}

func quicken(stop <-chan struct{}) {
	procs := ownProcs()
	if procs == "" {
		return
	}
	for {
		moveTo(procs, os.Getpid())
		select {
		case <-stop:
			return
		case <-time.After(quickenEvery):
		}
	}
}

// ownProcs is the list of a group that we are in, of a hierarchy that can be
// seen here; empty if there is none.
func ownProcs() string {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(own)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3) // ID:controllers:path, cgroups(7)
		if len(f) != 3 {
			continue
		}
		if procs := filepath.Join(cgroupRoot, f[1], f[2], "cgroup.procs"); lists(procs, os.Getpid()) {
			return procs
		}
	}
	return ""
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
