// Package spec turns Compose files into the desired model of a stack.
//
// The model is stackup's own: sorted, canonical and free of any type of the
// library that reads the files. Two files that mean the same give equal Stacks.
package spec

import (
	"slices"
	"time"
)

// Stack is everything that one set of Compose files asks for.
// Slices are sorted by name, so that order in a file never matters later.
type Stack struct {
	Name     string    `json:"name"`               // project name, [a-z0-9][a-z0-9_-]*
	Dir      string    `json:"dir"`                // project directory, absolute
	Files    []string  `json:"files"`              // files read, in merge order, absolute
	Services []Service `json:"services"`           // enabled services
	Disabled []string  `json:"disabled,omitempty"` // services left out by profiles: known, hence no orphans
	Networks []Network `json:"networks,omitempty"`
	Volumes  []Volume  `json:"volumes,omitempty"`
	Notices  []string  `json:"-"` // what a reader of the files should know, one line each
	// Sources are the files that all this was read from, with those that were looked
	// for and are not there: absolute paths, sorted. Dockerfiles are not among them.
	Sources []string `json:"-"`
}

// Service is one service as its containers shall be.
// Fields are classed as "recreate" or "live" in fields.go.
type Service struct {
	Name          string       `json:"name"`
	Image         string       `json:"image"`                    // normalised reference, e.g. docker.io/library/nginx:latest
	ContainerName string       `json:"container_name,omitempty"` // visible name; empty: stack-service-n
	Replicas      int          `json:"replicas"`
	Entrypoint    []string     `json:"entrypoint"` // nil: the image's; empty: cleared
	Command       []string     `json:"command"`    // nil: the image's (unless entrypoint is set); empty: cleared
	Environment   []Pair       `json:"environment,omitempty"`
	WorkingDir    string       `json:"working_dir,omitempty"`
	User          string       `json:"user,omitempty"`
	Hostname      string       `json:"hostname,omitempty"`
	Init          bool         `json:"init,omitempty"`
	ReadOnly      bool         `json:"read_only,omitempty"`
	Mounts        []Mount      `json:"mounts,omitempty"` // sorted by target
	Ports         []Port       `json:"ports,omitempty"`
	Networks      []Attachment `json:"networks,omitempty"` // sorted by network key
	DependsOn     []Dependency `json:"depends_on,omitempty"`
	Healthcheck   *Healthcheck `json:"healthcheck,omitempty"` // nil: the image's own, or none
	Restart       Restart      `json:"restart"`
	Labels        []Pair       `json:"labels,omitempty"`
	StopSignal    string       `json:"stop_signal,omitempty"` // empty: the image's, else SIGTERM
	StopGrace     Duration     `json:"stop_grace_period"`     // default 10 s
	Watch         []WatchRule  `json:"watch,omitempty"`       // develop.watch; never compared

	Files        []File         `json:"files,omitempty"`        // configs and secrets, sorted by target
	NetworkMode  NetworkMode    `json:"network_mode,omitempty"` // empty: by Networks
	Security     Security       `json:"security,omitzero"`
	Namespaces   Namespaces     `json:"namespaces,omitzero"`
	Resources    Resources      `json:"resources,omitzero"`
	Fixed        FixedResources `json:"fixed_resources,omitzero"`
	GroupAdd     []string       `json:"group_add,omitempty"` // names of the image's groups, or numbers
	Sysctls      []Pair         `json:"sysctls,omitempty"`
	Ulimits      []Ulimit       `json:"ulimits,omitempty"`
	ShmSize      int64          `json:"shm_size,omitempty"` // bytes; 0 for 64 MiB
	Devices      []Device       `json:"devices,omitempty"`
	DeviceRules  []string       `json:"device_cgroup_rules,omitempty"` // as "c 1:3 rwm"
	CDI          []string       `json:"cdi,omitempty"`                 // devices by their CDI names, VENDOR/CLASS=NAME
	DiskSize     int64          `json:"storage_size,omitempty"`        // bytes that its own layer may have; 0: no bound
	Umask        *uint32        `json:"umask,omitempty"`               // nil: the runtime's
	Runtime      string         `json:"runtime,omitempty"`             // OCI runtime's program; empty for the default
	CgroupParent string         `json:"cgroup_parent,omitempty"`       // path below the root of control groups
	Domainname   string         `json:"domainname,omitempty"`
	ExtraHosts   []Host         `json:"extra_hosts,omitempty"`
	DNS          DNS            `json:"dns,omitzero"`
	TTY          bool           `json:"tty,omitempty"`
	StdinOpen    bool           `json:"stdin_open,omitempty"`
	OOMScoreAdj  int            `json:"oom_score_adj,omitempty"`
	Annotations  []Pair         `json:"annotations,omitempty"`
	Logging      Logging        `json:"logging,omitzero"`
	VolumesFrom  []Lender       `json:"volumes_from,omitempty"` // containers that are none of the stack's
	Links        []Link         `json:"links,omitempty"`
	PreStart     []PreStart     `json:"pre_start,omitempty"`  // one after the other, before a command's start
	PostStart    []Hook         `json:"post_start,omitempty"` // by a command's start; what fails there fails the start
	PreStop      []Hook         `json:"pre_stop,omitempty"`   // by a command's stop, within its grace
	Pull         Pull           `json:"pull_policy,omitzero"`
	Archive      string         `json:"archive,omitempty"`  // absolute path: where the image comes from if it is not here
	Build        *Build         `json:"build,omitempty"`    // nil: the image comes from a registry, or is here
	Rollout      Rollout        `json:"rollout,omitzero"`   // deploy, for a later part
	Provider     *Provider      `json:"provider,omitempty"` // not nil: another program stands it up
	Job          Job            `json:"job,omitempty"`      // not empty: no container is up; run makes them
	Detached     bool           `json:"detached,omitempty"` // attach: false: up in the foreground does not show its output
}

// Pair is a name with a value.
type Pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// PairMap gives values by name.
func PairMap(pairs []Pair) map[string]string {
	out := map[string]string{}
	for _, p := range pairs {
		out[p.Name] = p.Value
	}
	return out
}

// MountType says where a mount's content comes from.
type MountType string

// The mount types of the Compose Specification that are honoured.
const (
	MountBind   MountType = "bind"
	MountVolume MountType = "volume"
	MountTmpfs  MountType = "tmpfs"
	MountImage  MountType = "image"
)

// Mount is one entry of volumes or tmpfs.
type Mount struct {
	Type           MountType `json:"type"`
	Source         string    `json:"source,omitempty"` // bind: absolute host path; volume: top-level key, empty for an anonymous one; image: normalised reference
	Target         string    `json:"target"`           // absolute path in the container
	ReadOnly       bool      `json:"read_only,omitempty"`
	CreateHostPath bool      `json:"create_host_path,omitempty"` // bind: make a missing source as a directory
	Size           int64     `json:"size,omitempty"`             // tmpfs: bytes, 0 for no limit
	Mode           uint32    `json:"mode,omitempty"`             // tmpfs: permission bits, 0 for 1777
	Options        []string  `json:"options,omitempty"`          // tmpfs: further mount options of the short form
	Propagation    string    `json:"propagation,omitempty"`      // bind: as mount(8) has it; empty for rprivate
	Recursive      string    `json:"recursive,omitempty"`        // bind: disabled, or readonly; empty for what is mounted below too
	NoCopy         bool      `json:"nocopy,omitempty"`           // volume: an empty one is not filled from the image
	Subpath        string    `json:"subpath,omitempty"`          // volume, image: what is in it, a relative path
	Of             string    `json:"of,omitempty"`               // volume without source: that of this service (volumes_from)
	SELinux        string    `json:"selinux,omitempty"`          // bind: z or Z, to label the source where SELinux is on
	Labels         []Pair    `json:"labels,omitempty"`           // volume without source: its labels
}

// Lender is a container whose mounts a service has, too.
type Lender struct {
	Container string `json:"container"` // its name
	ReadOnly  bool   `json:"read_only,omitempty"`
}

// Port is one published port. Ranges are expanded: one Port per container port.
type Port struct {
	HostIP      string `json:"host_ip,omitempty"` // empty for all addresses; 0.0.0.0 and :: for all of one family
	HostPort    uint16 `json:"host_port"`         // 0: any free port
	HostPortEnd uint16 `json:"host_port_end"`     // equal to HostPort, or the last of a range to choose from
	Target      uint16 `json:"target"`            // port in the container
	Protocol    string `json:"protocol"`          // tcp or udp
}

// Volume is a top-level named volume.
type Volume struct {
	Key      string     `json:"key"`
	Name     string     `json:"name"` // name on the machine, e.g. demo_data
	External bool       `json:"external,omitempty"`
	Local    LocalMount `json:"local,omitzero"` // driver_opts; zero: a folder of stackup's own
	Labels   []Pair     `json:"labels,omitempty"`
}

// LocalMount is a file system that a volume stands for, as mount(8) has it.
type LocalMount struct {
	Type    string `json:"type,omitempty"`
	Device  string `json:"device,omitempty"`
	Options string `json:"o,omitempty"`
}

// Condition is what must hold of a dependency before its dependent starts.
type Condition string

// The conditions of depends_on, and Running for up --wait.
const (
	Started   Condition = "service_started"
	Healthy   Condition = "service_healthy"
	Completed Condition = "service_completed_successfully"
)

// Dependency is one entry of depends_on.
type Dependency struct {
	Service   string    `json:"service"`
	Condition Condition `json:"condition"`
	Restart   bool      `json:"restart,omitempty"` // a command that starts Service anew does so with the dependent
}

// Healthcheck is a health probe; durations of 0 mean the Specification's
// defaults (interval 30 s, timeout 30 s, retries 3, start_period 0, start_interval 5 s).
type Healthcheck struct {
	Test          []string `json:"test,omitempty"` // CMD, CMD-SHELL form; empty: the image's test with these timings
	Probe         Probe    `json:"probe,omitzero"` // in the place of a test
	Disable       bool     `json:"disable,omitempty"`
	Interval      Duration `json:"interval,omitempty"`
	Timeout       Duration `json:"timeout,omitempty"`
	StartPeriod   Duration `json:"start_period,omitempty"`
	StartInterval Duration `json:"start_interval,omitempty"`
	Retries       int      `json:"retries,omitempty"`
}

// Probe asks a container from outside, for images that have no program to ask
// with; one of its fields is set (x-stackup.probe).
type Probe struct {
	HTTP string `json:"http,omitempty"` // URL with an address of the container's own network; status 200 to 399 is healthy
	TCP  string `json:"tcp,omitempty"`  // address and port that take connections
	Log  string `json:"log,omitempty"`  // pattern of a line of its output
}

// RestartPolicy names when an exited container is started again.
type RestartPolicy string

// The restart policies of the Compose Specification.
const (
	RestartNo            RestartPolicy = "no"
	RestartAlways        RestartPolicy = "always"
	RestartOnFailure     RestartPolicy = "on-failure"
	RestartUnlessStopped RestartPolicy = "unless-stopped"
)

// Restart is a restart policy with its limit.
type Restart struct {
	Policy     RestartPolicy `json:"policy"`
	MaxRetries int           `json:"max_retries,omitempty"` // 0 for no limit; of restart: on-failure only
	Delay      Duration      `json:"delay,omitempty"`       // before each start again; 0 for the back-off
	Window     Duration      `json:"window,omitempty"`      // a run this long has succeeded: it is not counted; 0 for 10 s
	Unhealthy  bool          `json:"unhealthy,omitempty"`   // start it again when it has become unhealthy (x-stackup.restart_unhealthy)
}

// WatchRule is one entry of develop.watch (Compose Specification, Develop).
type WatchRule struct {
	Path        string   `json:"path"`             // absolute
	Action      string   `json:"action"`           // one of the Watch constants
	Target      string   `json:"target,omitempty"` // absolute, in the container
	Include     []string `json:"include,omitempty"`
	Ignore      []string `json:"ignore,omitempty"` // both in the syntax of .dockerignore files, relative to Path
	InitialSync bool     `json:"initial_sync,omitempty"`
	Exec        *Hook    `json:"exec,omitempty"` // of WatchSyncExec
}

// The actions of develop.watch.
const (
	WatchSync        = "sync"
	WatchRebuild     = "rebuild"
	WatchRestart     = "restart"
	WatchSyncRestart = "sync+restart"
	WatchSyncExec    = "sync+exec"
)

// Syncs says whether the rule brings files into containers.
func (r *WatchRule) Syncs() bool {
	return r.Action == WatchSync || r.Action == WatchSyncRestart || r.Action == WatchSyncExec
}

// Duration is a time span that reads and writes as text such as "10s".
type Duration time.Duration

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the span as Go writes durations.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// Parts are all that containers of s are made of: s itself, and its pre_start.
func (s *Service) Parts() []*Service {
	out := []*Service{s}
	for i := range s.PreStart {
		out = append(out, &s.PreStart[i].Service)
	}
	return out
}

// Joins says whether one of its parts is on a network, by the network's key.
func (s *Service) Joins(network string) bool {
	on := func(a Attachment) bool { return a.Network == network }
	return slices.ContainsFunc(s.Parts(), func(p *Service) bool { return slices.ContainsFunc(p.Networks, on) })
}

// MountsVolume says whether one of its parts mounts a named volume, by its key.
func (s *Service) MountsVolume(key string) bool {
	on := func(m Mount) bool { return m.Type == MountVolume && m.Source == key }
	return slices.ContainsFunc(s.Parts(), func(p *Service) bool { return slices.ContainsFunc(p.Mounts, on) })
}

// MountedImages are the images that are mounted, each once, sorted.
func (s *Service) MountedImages() (refs []string) {
	for _, m := range s.Mounts {
		if m.Type == MountImage {
			refs = append(refs, m.Source)
		}
	}
	slices.Sort(refs)
	return slices.Compact(refs)
}

// Service returns the service of that name, or nil.
func (s *Stack) Service(name string) *Service {
	for i := range s.Services {
		if s.Services[i].Name == name {
			return &s.Services[i]
		}
	}
	return nil
}

// OneShots are the services that others wait for to complete
// (service_completed_successfully).
func (s *Stack) OneShots() map[string]bool {
	out := map[string]bool{}
	for _, v := range s.Services {
		for _, d := range v.DependsOn {
			if d.Condition == Completed {
				out[d.Service] = true
			}
		}
	}
	return out
}
