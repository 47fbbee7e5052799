package ctrd

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	v1 "github.com/containerd/cgroups/v3/cgroup1/stats"
	v2 "github.com/containerd/cgroups/v3/cgroup2/stats"
	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types"
	"github.com/containerd/typeurl/v2"

	"stackup.dev/stackup/internal/inspect"
)

// Usage says what the processes of running containers use, by ID, with one call
// for all. One that has just ended is left out.
func (e *Engine) Usage(ctx context.Context, list []inspect.Container) (map[string]inspect.Usage, error) {
	out := map[string]inspect.Usage{}
	req := &tasksapi.MetricsRequest{}
	pids := map[string]int{}
	for _, c := range list {
		if c.PID > 0 {
			req.Filters = append(req.Filters, fmt.Sprintf("id==%q", c.ID))
			pids[c.ID] = c.PID
		}
	}
	if len(req.Filters) == 0 { // no filter would be all there are
		return out, nil
	}
	r, err := e.client.TaskService().Metrics(e.ctx(ctx), req)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", native(err))
	}
	for _, m := range r.Metrics {
		u, err := usage(m)
		if err != nil {
			return nil, fmt.Errorf("metrics of %s: %w", m.ID, err)
		}
		u.Received, u.Sent = traffic(pids[m.ID])
		out[m.ID] = u
	}
	return out, nil
}

// usage reads a metric of either version of control groups.
func usage(m *types.Metric) (u inspect.Usage, err error) {
	v, err := typeurl.UnmarshalAny(m.Data)
	if err != nil {
		return u, err
	}
	switch s := v.(type) {
	case *v1.Metrics:
		u = usageV1(s)
	case *v2.Metrics:
		u = usageV2(s)
	default:
		return u, fmt.Errorf("of the unknown kind %s", m.Data.GetTypeUrl())
	}
	u.At = m.Timestamp.AsTime()
	return u, nil
}

// Memory is shown without what the kernel would give back at once, as docker does.

func usageV1(s *v1.Metrics) inspect.Usage {
	mem := s.GetMemory()
	u := inspect.Usage{
		CPU: time.Duration(s.GetCPU().GetUsage().GetTotal()), PIDs: s.GetPids().GetCurrent(), //nolint:gosec // 292 years
		Memory: less(mem.GetUsage().GetUsage(), mem.GetTotalInactiveFile()), Limit: mem.GetUsage().GetLimit(),
	}
	for _, b := range s.GetBlkio().GetIoServiceBytesRecursive() {
		switch strings.ToLower(b.Op) {
		case "read":
			u.Read += b.Value
		case "write":
			u.Written += b.Value
		}
	}
	return u
}

func usageV2(s *v2.Metrics) inspect.Usage {
	mem := s.GetMemory()
	u := inspect.Usage{
		CPU: time.Duration(s.GetCPU().GetUsageUsec()) * time.Microsecond, PIDs: s.GetPids().GetCurrent(), //nolint:gosec // 292 years
		Memory: less(mem.GetUsage(), mem.GetInactiveFile()), Limit: mem.GetUsageLimit(),
	}
	for _, b := range s.GetIo().GetUsage() {
		u.Read, u.Written = u.Read+b.Rbytes, u.Written+b.Wbytes
	}
	return u
}

func less(a, b uint64) uint64 { return a - min(a, b) }

// traffic sums up the interfaces of a process's network, loopback apart; nothing
// for a container that has the machine's own.
func traffic(pid int) (received, sent uint64) {
	theirs, err1 := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	ours, err2 := os.Readlink("/proc/self/ns/net")
	b, err3 := os.ReadFile(fmt.Sprintf("/proc/%d/net/dev", pid))
	if err1 != nil || err2 != nil || err3 != nil || theirs == ours {
		return 0, 0
	}
	return countDev(string(b))
}

// countDev reads /proc/PID/net/dev: a line for each interface, of which the
// first and the ninth number are bytes.
func countDev(text string) (received, sent uint64) {
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(line, ":")
		f := strings.Fields(rest)
		if !ok || strings.TrimSpace(name) == "lo" || len(f) < 9 {
			continue
		}
		in, _ := strconv.ParseUint(f[0], 10, 64) // the kernel writes numbers there
		out, _ := strconv.ParseUint(f[8], 10, 64)
		received, sent = received+in, sent+out
	}
	return received, sent
}
