package spec

import (
	"cmp"
	"fmt"
	"strings"
)

// Security is what the processes of a container may do; its zero value is the
// default profile (docs/security.md).
type Security struct {
	Privileged      bool     `json:"privileged,omitempty"`
	CapAdd          []string `json:"cap_add,omitempty"`  // CAP_NAME or ALL, sorted
	CapDrop         []string `json:"cap_drop,omitempty"` // likewise
	NoNewPrivileges bool     `json:"no_new_privileges,omitempty"`
	Seccomp         string   `json:"seccomp,omitempty"`      // "unconfined", or a profile in Docker's form; empty for the default
	AppArmor        string   `json:"apparmor,omitempty"`     // "unconfined" or a profile that the host has loaded; empty for the default
	Mask            []string `json:"mask,omitempty"`         // further paths that are hidden, sorted
	Unmask          []string `json:"unmask,omitempty"`       // of those hidden or read-only by default, patterns, sorted; ALL is Unmasked
	Labels          []string `json:"labels,omitempty"`       // SELinux options of the process: user:U, role:R, type:T, level:L, filetype:T; sorted
	Unmasked        bool     `json:"system_paths,omitempty"` // systempaths=unconfined: nothing in /proc and /sys is masked or read-only
}

// Ulimit is one resource limit of a process (getrlimit(2)); -1 is no limit.
type Ulimit struct {
	Name string `json:"name"` // as in the file: nofile, nproc…
	Soft int64  `json:"soft"`
	Hard int64  `json:"hard"`
}

// Flag is the form that command lines have: NAME=SOFT:HARD.
func (u Ulimit) Flag() string { return fmt.Sprintf("%s=%d:%d", u.Name, u.Soft, u.Hard) }

// Device is a device node of the host, or all below a folder of it.
type Device struct {
	Source      string `json:"source"`
	Target      string `json:"target"`
	Permissions string `json:"permissions"` // of r, w and m
}

// Host is an entry of extra_hosts; an address of host-gateway is this
// machine's on the container's first network.
type Host struct {
	Name      string   `json:"name"`
	Addresses []string `json:"addresses"`
}

// DNS is what stands in resolv.conf; what is empty is the host's.
type DNS struct {
	Servers []string `json:"servers,omitempty"`
	Search  []string `json:"search,omitempty"`
	Options []string `json:"options,omitempty"`
}

// Namespaces says which namespaces of the host a container shares, or of which
// other container; what is not set is one of its own.
type Namespaces struct {
	IPC       bool  `json:"ipc,omitempty"`
	PID       bool  `json:"pid,omitempty"`
	UTS       bool  `json:"uts,omitempty"`
	Cgroup    bool  `json:"cgroup,omitempty"`
	IPCOf     Other `json:"ipc_of,omitempty"`
	PIDOf     Other `json:"pid_of,omitempty"`
	Shareable bool  `json:"shareable,omitempty"` // ipc: shareable: others may join it
}

// Other names a container that another one shares something with:
// "service:NAME" is the first running one of that service of the stack,
// "container:NAME" the one of that visible name of any stack.
type Other string

// Service gives the service that o names, or nothing.
func (o Other) Service() (name string, is bool) { return strings.CutPrefix(string(o), "service:") }

// Container gives the visible name that o names, or nothing.
func (o Other) Container() (name string, is bool) { return strings.CutPrefix(string(o), "container:") }

// NetworkMode says how a service is networked, where not by Networks. One that
// is an Other is the network of that container.
type NetworkMode string

// The network modes that stand for themselves. A mode of bridge is a network
// of the stack's own, and shows as that.
const (
	NetworkNone NetworkMode = "none" // nothing but loopback
	NetworkHost NetworkMode = "host" // the host's own
)

// Of gives the container whose network it is; empty for the other modes.
func (m NetworkMode) Of() Other {
	if m == "" || m == NetworkNone || m == NetworkHost {
		return ""
	}
	return Other(m)
}

// Others are the containers that a service's own share a namespace with.
func (s *Service) Others() []Other {
	var out []Other
	for _, o := range []Other{s.NetworkMode.Of(), s.Namespaces.IPCOf, s.Namespaces.PIDOf} {
		if o != "" {
			out = append(out, o)
		}
	}
	return out
}

// The drivers of Logging beside bounded files.
const (
	LogNone     = "none"
	LogSyslog   = "syslog"
	LogJournald = "journald"
	LogFluentd  = "fluentd"
)

// Logging bounds what is kept of a container's output, 0 for the default, and
// says where that goes beside.
type Logging struct {
	MaxSize  int64   `json:"max_size,omitempty"` // bytes of one file
	MaxFiles int     `json:"max_file,omitempty"`
	Compress bool    `json:"compress,omitempty"` // full files, by gzip
	Driver   string  `json:"driver,omitempty"`   // one of the above; empty for files alone
	Forward  Forward `json:"forward,omitzero"`   // of the three that send
}

// Sends says whether lines go elsewhere beside the files.
func (l Logging) Sends() bool { return l.Driver != "" && l.Driver != LogNone }

// Forward says how lines are sent, by the options of Docker's drivers.
type Forward struct {
	Address      string `json:"address,omitempty"`  // PROTOCOL://WHERE; empty for the usual one
	Facility     string `json:"facility,omitempty"` // of syslog
	Tag          string `json:"tag,omitempty"`      // a template; empty for the container's short ID
	Labels       string `json:"labels,omitempty"`   // names of labels that go along, separated by commas
	Environment  string `json:"env,omitempty"`      // likewise of variables
	Acknowledged bool   `json:"ack,omitempty"`      // fluentd says that it has them
	Precise      bool   `json:"precise,omitempty"`  // fluentd is told nanoseconds
}

// Link is a name by which a service knows another container of its networks.
type Link struct {
	Service   string `json:"service,omitempty"`   // of the stack; empty for Container
	Container string `json:"container,omitempty"` // visible name of one of any stack
	Alias     string `json:"alias"`
}

// PreStart is a container that runs to its end before those of its service
// start; its failure fails the start.
type PreStart struct {
	PerReplica bool    `json:"per_replica,omitempty"` // once for each replica, not once for all
	Service    Service `json:"service"`               // what its container is; of the name of the service
}

// Provider is the program that stands a service up which is no container, and
// what it is told (Compose Specification, "provider").
type Provider struct {
	Type    string `json:"type"`
	Options []Pair `json:"options,omitempty"` // a name may stand more than once
}

// Job says when a job runs.
type Job string

// The ways to run a job.
const (
	JobManual Job = "manual" // when it is asked for
	JobNever  Job = "never"  // not even then
)

// Hook is a command that runs in a container beside its process.
type Hook struct {
	Command     []string `json:"command"`
	User        string   `json:"user,omitempty"` // empty: the container's
	WorkingDir  string   `json:"working_dir,omitempty"`
	Privileged  bool     `json:"privileged,omitempty"`
	Environment []Pair   `json:"environment,omitempty"` // over the container's
}

// Resources are the limits and shares of a container's control group; the zero
// value of each is the default: no limit, but for processes (4096).
type Resources struct {
	CPUs              float64    `json:"cpus,omitempty"` // of a core
	CPUSet            string     `json:"cpuset,omitempty"`
	CPUShares         uint64     `json:"cpu_shares,omitempty"`
	CPUPeriod         uint64     `json:"cpu_period,omitempty"`      // microseconds
	CPUQuota          int64      `json:"cpu_quota,omitempty"`       // microseconds in a period
	Memory            int64      `json:"mem_limit,omitempty"`       // bytes
	MemoryReservation int64      `json:"mem_reservation,omitempty"` // bytes
	MemorySwap        int64      `json:"memswap_limit,omitempty"`   // bytes of memory and swap; -1 for no limit
	Pids              int64      `json:"pids_limit,omitempty"`      // -1 for no limit
	BlkioWeight       uint16     `json:"blkio_weight,omitempty"`
	BlkioWeights      []BlkioPer `json:"blkio_weight_device,omitempty"`
	BlkioReadBps      []BlkioPer `json:"blkio_device_read_bps,omitempty"`
	BlkioWriteBps     []BlkioPer `json:"blkio_device_write_bps,omitempty"`
	BlkioReadIOps     []BlkioPer `json:"blkio_device_read_iops,omitempty"`
	BlkioWriteIOps    []BlkioPer `json:"blkio_device_write_iops,omitempty"`
}

// FixedResources are those that the OCI runtime sets when it creates a
// container, and never again.
type FixedResources struct {
	CPURTPeriod      uint64  `json:"cpu_rt_period,omitempty"`  // microseconds
	CPURTRuntime     int64   `json:"cpu_rt_runtime,omitempty"` // microseconds in a period
	MemorySwappiness *uint64 `json:"mem_swappiness,omitempty"` // 0 to 100
	OOMKillDisable   bool    `json:"oom_kill_disable,omitempty"`
}

// RealtimePeriod is the kernel's own, in microseconds, which a control group has
// unless it is given another (sched-rt-group.rst).
const RealtimePeriod = 1_000_000

// RealtimePeriod is in microseconds what CPURTRuntime is a part of.
func (f FixedResources) RealtimePeriod() int64 {
	return cmp.Or(int64(f.CPURTPeriod), RealtimePeriod) //nolint:gosec // far below 2^63
}

// BlkioPer is a weight, or a rate in bytes or operations a second, of one block device.
type BlkioPer struct {
	Path string `json:"path"`
	Rate uint64 `json:"rate"`
}
