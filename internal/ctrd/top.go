package ctrd

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/errdefs"

	"stackup.dev/stackup/internal/inspect"
)

// Top gives the processes of a running container as this machine sees them, by
// their numbers. One that ends meanwhile is left out.
func (e *Engine) Top(ctx context.Context, id string) ([]inspect.Running, error) {
	pids, err := e.pids(e.ctx(ctx), id)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	up, err := uptime()
	if err != nil {
		return nil, err
	}
	var out []inspect.Running
	for _, pid := range pids {
		if x, err := running(pid, time.Now(), up); err == nil {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b inspect.Running) int { return a.PID - b.PID })
	return out, nil
}

// pids returns the processes of a container; of one that containerd has lost those in
// its control group.
func (e *Engine) pids(ctx context.Context, id string) (out []int, err error) {
	r, err := e.client.TaskService().ListPids(ctx, &tasksapi.ListPidsRequest{ContainerID: id})
	if err = native(err); errdefs.IsNotFound(err) {
		p, perr := e.places()
		if perr != nil {
			return nil, perr
		}
		if out, perr = processesOf(e.groupsOf(p, id)); perr != nil || len(out) > 0 {
			return out, perr
		}
	}
	if err != nil {
		return nil, err
	}
	for _, p := range r.Processes {
		out = append(out, int(p.Pid))
	}
	return out, nil
}

func uptime() (time.Duration, error) {
	b, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(b), " ")
	s, err := strconv.ParseFloat(first, 64)
	return time.Duration(s * float64(time.Second)), err
}

// tick is the unit of times in /proc: USER_HZ is 100 on all that Go runs on.
const tick = 10 * time.Millisecond

// running reads one process (proc(5)): of stat, after the name, the fields from
// the third one on.
func running(pid int, now time.Time, up time.Duration) (p inspect.Running, err error) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return p, err
	}
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		return p, err
	}
	args, _ := os.ReadFile(dir + "cmdline") // it may have ended; then its name is shown
	text := string(stat)
	name := text[strings.IndexByte(text, '(')+1 : strings.LastIndexByte(text, ')')]
	f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(f) < 20 {
		return p, fmt.Errorf("%sstat has %d fields", dir, len(f))
	}
	num := func(i int) int { n, _ := strconv.Atoi(f[i-3]); return n } // the kernel writes numbers there
	p = inspect.Running{
		PID: pid, PPID: num(4), TTY: terminal(num(7)), CPU: time.Duration(num(14)+num(15)) * tick,
		Started: now.Add(time.Duration(num(22))*tick - up), Args: strings.TrimSpace(strings.ReplaceAll(string(args), "\x00", " ")),
	}
	if p.Args == "" {
		p.Args = "[" + name + "]"
	}
	p.UID = effectiveUser(string(status))
	return p, nil
}

func effectiveUser(status string) int {
	for line := range strings.Lines(status) {
		if f := strings.Fields(line); len(f) > 2 && f[0] == "Uid:" {
			uid, _ := strconv.Atoi(f[2])
			return uid
		}
	}
	return 0
}

// terminal names a device number, as ps does.
func terminal(dev int) string {
	major, minor := dev>>8&0xfff, dev&0xff|dev>>12&0xfff00
	switch {
	case dev == 0:
		return "?"
	case major >= 136 && major <= 143:
		return fmt.Sprintf("pts/%d", minor+(major-136)<<8)
	default:
		return fmt.Sprintf("%d:%d", major, minor)
	}
}
