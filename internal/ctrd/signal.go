package ctrd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	tasktypes "github.com/containerd/containerd/api/types/task"
	"golang.org/x/sys/unix"
)

// signal sends sig to the task's first process; one that has ended is no
// error. Where the process is in sight it is told directly, else by containerd,
// which starts a runc for it. A frozen process needs containerd as well.
func (e *Engine) signal(ctx context.Context, id string, t *tasktypes.Process, sig unix.Signal) error {
	at := time.Now()
	if err := e.send(ctx, id, t, sig); err != nil {
		return err
	}
	e.Note(ctx, id, "kill", at, map[string]string{"signal": strconv.Itoa(int(sig))})
	return nil
}

func (e *Engine) send(ctx context.Context, id string, t *tasktypes.Process, sig unix.Signal) error {
	if t.Status != tasktypes.Status_PAUSED && t.Status != tasktypes.Status_PAUSING && signalPid(int(t.Pid), id, sig) {
		return nil
	}
	req := &tasksapi.KillRequest{ContainerID: id, Signal: uint32(sig), All: sig == unix.SIGKILL} //nolint:gosec // signals are small
	_, err := e.client.TaskService().Kill(ctx, req)
	if err = ignoreNotFound(native(err)); err != nil {
		return fmt.Errorf("signal %d: %w", sig, err)
	}
	return nil
}

// signalPid says whether it could tell the process. The pidfd holds on to
// whatever the number stands for now; only then is it asked whose that is.
func signalPid(pid int, id string, sig unix.Signal) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	if !inCgroupOf(pid, id) {
		return false
	}
	err = unix.PidfdSendSignal(fd, sig, nil, 0)
	return err == nil || errors.Is(err, unix.ESRCH)
}

// inCgroupOf says whether the process is in the container's control group,
// which bears its ID (cgroups(7), /proc/PID/cgroup).
func inCgroupOf(pid int, id string) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if path.Base(strings.TrimSpace(line)) == id {
			return true
		}
	}
	return false
}
