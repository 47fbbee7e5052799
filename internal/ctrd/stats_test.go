package ctrd

import (
	"os"
	"testing"
	"time"

	v1 "github.com/containerd/cgroups/v3/cgroup1/stats"
	v2 "github.com/containerd/cgroups/v3/cgroup2/stats"
	eventsapi "github.com/containerd/containerd/api/events"
	"github.com/containerd/containerd/api/types"
	"github.com/containerd/typeurl/v2"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stackup.dev/stackup/internal/inspect"
)

// TestUsageOfBothVersions: memory is without the file pages that are not in use.
func TestUsageOfBothVersions(t *testing.T) {
	at := time.Unix(1000, 0).UTC()
	want := inspect.Usage{At: at, CPU: 3 * time.Second, Memory: 70, Limit: 1000, Read: 5, Written: 7, PIDs: 4}
	for name, m := range map[string]any{
		"1": &v1.Metrics{
			CPU:    &v1.CPUStat{Usage: &v1.CPUUsage{Total: 3e9}},
			Memory: &v1.MemoryStat{TotalInactiveFile: 30, Usage: &v1.MemoryEntry{Usage: 100, Limit: 1000}}, Pids: &v1.PidsStat{Current: 4},
			Blkio: &v1.BlkIOStat{IoServiceBytesRecursive: []*v1.BlkIOEntry{{Op: "Read", Value: 5}, {Op: "Write", Value: 3}, {Op: "write", Value: 4}, {Op: "Total", Value: 12}}},
		},
		"2": &v2.Metrics{
			CPU:    &v2.CPUStat{UsageUsec: 3e6},
			Memory: &v2.MemoryStat{InactiveFile: 30, Usage: 100, UsageLimit: 1000}, Pids: &v2.PidsStat{Current: 4},
			Io: &v2.IOStat{Usage: []*v2.IOEntry{{Rbytes: 5, Wbytes: 3}, {Wbytes: 4}}},
		},
	} {
		data, err := typeurl.MarshalAnyToProto(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := usage(&types.Metric{ID: "x", Timestamp: timestamppb.New(at), Data: data})
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("version %s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	data, err := typeurl.MarshalAnyToProto(&eventsapi.TaskOOM{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := usage(&types.Metric{Data: data}); err == nil {
		t.Error("a metric of an unknown kind is taken")
	}
}

func TestCountDev(t *testing.T) {
	in, out := countDev(`Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    9999       1    0    0    0     0          0         0     9999       1    0    0    0     0       0          0
  eth0:     100       1    0    0    0     0          0         0       20       1    0    0    0     0       0          0
  eth1:       1       1    0    0    0     0          0         0        2       1    0    0    0     0       0          0
`)
	if in != 101 || out != 22 {
		t.Errorf("%d received, %d sent", in, out)
	}
}

// TestRunningReadsAProcess: this very one.
func TestRunningReadsAProcess(t *testing.T) {
	up, err := uptime()
	if err != nil {
		t.Fatal(err)
	}
	p, err := running(os.Getpid(), time.Now(), up)
	if err != nil {
		t.Fatal(err)
	}
	if p.PID != os.Getpid() || p.PPID != os.Getppid() || p.UID != os.Geteuid() || p.Args == "" || time.Since(p.Started) > time.Hour || time.Since(p.Started) < 0 {
		t.Errorf("%+v", p)
	}
	if got := terminal(136<<8 | 3); got != "pts/3" {
		t.Error(got)
	}
}
