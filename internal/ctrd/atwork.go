package ctrd

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/busy"
)

// remainsLook is how often it is looked whether an OCI runtime has ended.
const remainsLook = 20 * time.Millisecond

// awaitRuntime waits until no OCI runtime is at work on the container: of one that a
// killed command has had started, containerd tells nothing. One that is still there
// after patience is killed, as it may be stopped.
func (e *Engine) awaitRuntime(ctx context.Context, id string, patience time.Duration) error {
	end := time.Now().Add(busy.Stretch(patience))
	for {
		pids := e.runtimesAtWork(id)
		if len(pids) == 0 {
			return nil
		}
		if time.Now().After(end) {
			for _, pid := range pids {
				e.killRuntime(pid, id)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("OCI runtime %d of container %s is still at work: %w", pids[0], id, context.Cause(ctx))
		case <-time.After(remainsLook):
		}
	}
}

// killRuntime kills a process if it is still an OCI runtime at work on the container.
func (e *Engine) killRuntime(pid int, id string) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // it has ended
	}
	defer func() { _ = unix.Close(fd) }()
	if e.isAtWork(pid, id) {
		_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) // it may have ended
	}
}

// runtimesAtWork returns the PIDs of those that make or clear away a container.
func (e *Engine) runtimesAtWork(id string) (pids []int) {
	folders, _ := os.ReadDir("/proc")
	for _, f := range folders {
		if pid, err := strconv.Atoi(f.Name()); err == nil && e.isAtWork(pid, id) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// isAtWork reports whether a process makes or clears away a container. OCI runtimes are
// given our state folder, what to do, and the container as their last argument; programs
// of its shim our namespace, the container, and what to do as the last. A process in a
// container may have any arguments, but has a PID namespace of its own.
func (e *Engine) isAtWork(pid int, id string) bool {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	b, err := os.ReadFile(filepath.Join(proc, "cmdline"))
	if err != nil || !bytes.Contains(b, []byte(id)) {
		return false
	}
	args := strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
	last := args[len(args)-1]
	has := func(arg string) bool { return slices.Contains(args, arg) }
	runtime := last == id && has(filepath.Dir(e.runtimeState(id))) && (has("create") || has("start") || has("kill") || has("delete"))
	program := (last == "start" || last == "delete") && has(id) && has(e.Dirs.Namespace())
	if !runtime && !program {
		return false
	}
	theirs, err := os.Readlink(filepath.Join(proc, "ns/pid"))
	ours, oerr := os.Readlink("/proc/self/ns/pid")
	return err == nil && oerr == nil && theirs == ours
}
