// Package spec turns Compose files into the desired model of a stack.
//
// The model is stackup's own: sorted, canonical and free of any type of the
// library that reads the files. Two files that mean the same give equal Stacks.
package spec

import "time"

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
	Watch         []WatchRule  `json:"watch,omitempty"`       // develop.watch, carried for a later part; never compared

	Files       []File         `json:"files,omitempty"`        // configs and secrets, sorted by target
	NetworkMode NetworkMode    `json:"network_mode,omitempty"` // empty: by Networks
	Security    Security       `json:"security,omitzero"`
	Namespaces  Namespaces     `json:"namespaces,omitzero"`
	Resources   Resources      `json:"resources,omitzero"`
	Fixed       FixedResources `json:"fixed_resources,omitzero"`
	GroupAdd    []string       `json:"group_add,omitempty"` // names of the image's groups, or numbers
	Sysctls     []Pair         `json:"sysctls,omitempty"`
	Ulimits     []Ulimit       `json:"ulimits,omitempty"`
	ShmSize     int64          `json:"shm_size,omitempty"` // bytes; 0 for 64 MiB
	Devices     []Device       `json:"devices,omitempty"`
	DeviceRules []string       `json:"device_cgroup_rules,omitempty"` // as "c 1:3 rwm"
	Domainname  string         `json:"domainname,omitempty"`
	ExtraHosts  []Host         `json:"extra_hosts,omitempty"`
	DNS         DNS            `json:"dns,omitzero"`
	TTY         bool           `json:"tty,omitempty"`
	StdinOpen   bool           `json:"stdin_open,omitempty"`
	OOMScoreAdj int            `json:"oom_score_adj,omitempty"`
	Annotations []Pair         `json:"annotations,omitempty"`
	Logging     Logging        `json:"logging,omitzero"`
	Links       []Link         `json:"links,omitempty"`
	PostStart   []Hook         `json:"post_start,omitempty"` // by a command's start; what fails there fails the start
	PreStop     []Hook         `json:"pre_stop,omitempty"`   // by a command's stop, within its grace
	Pull        Pull           `json:"pull_policy,omitzero"`
	Build       *Build         `json:"build,omitempty"`    // nil: the image comes from a registry, or is here
	Rollout     Rollout        `json:"rollout,omitzero"`   // deploy, for a later part
	Detached    bool           `json:"detached,omitempty"` // attach: false: up in the foreground does not show its output
}

// Pair is a name with a value.
type Pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// MountType says where a mount's content comes from.
type MountType string

// The mount types of the Compose Specification that are honoured.
const (
	MountBind   MountType = "bind"
	MountVolume MountType = "volume"
	MountTmpfs  MountType = "tmpfs"
)

// Mount is one entry of volumes or tmpfs.
type Mount struct {
	Type           MountType `json:"type"`
	Source         string    `json:"source,omitempty"` // bind: absolute host path; volume: top-level key, empty for an anonymous one
	Target         string    `json:"target"`           // absolute path in the container
	ReadOnly       bool      `json:"read_only,omitempty"`
	CreateHostPath bool      `json:"create_host_path,omitempty"` // bind: make a missing source as a directory
	Size           int64     `json:"size,omitempty"`             // tmpfs: bytes, 0 for no limit
	Mode           uint32    `json:"mode,omitempty"`             // tmpfs: permission bits, 0 for 1777
	Options        []string  `json:"options,omitempty"`          // tmpfs: further mount options of the short form
	Propagation    string    `json:"propagation,omitempty"`      // bind: as mount(8) has it; empty for rprivate
	Recursive      string    `json:"recursive,omitempty"`        // bind: disabled, or readonly; empty for what is mounted below too
	NoCopy         bool      `json:"nocopy,omitempty"`           // volume: an empty one is not filled from the image
	Subpath        string    `json:"subpath,omitempty"`          // volume: a folder in it, relative
	Of             string    `json:"of,omitempty"`               // volume without source: that of this service (volumes_from)
}

// Port is one published port. Ranges are expanded: one Port per container port.
type Port struct {
	HostIP      string `json:"host_ip,omitempty"` // IPv4 literal; empty for all addresses
	HostPort    uint16 `json:"host_port"`         // 0: any free port
	HostPortEnd uint16 `json:"host_port_end"`     // equal to HostPort, or the last of a range to choose from
	Target      uint16 `json:"target"`            // port in the container
	Protocol    string `json:"protocol"`          // tcp or udp
}

// Attachment joins a service to a network.
type Attachment struct {
	Network string   `json:"network"` // top-level key
	Aliases []string `json:"aliases,omitempty"`
	IPv4    string   `json:"ipv4_address,omitempty"` // in the network's own subnet; empty for a free one
	MAC     string   `json:"mac_address,omitempty"`  // empty for one that follows from the address
	// The network of the highest GatewayPriority has the default route; of
	// equals the one of the highest Priority, then the first by key.
	Priority        int `json:"priority,omitempty"`
	GatewayPriority int `json:"gw_priority,omitempty"`
}

// Network is a top-level network.
type Network struct {
	Key      string `json:"key"`  // name in the file; "default" for the implicit one
	Name     string `json:"name"` // name on the machine, e.g. demo_default
	External bool   `json:"external,omitempty"`
	Internal bool   `json:"internal,omitempty"` // no way out of it
	Subnet   string `json:"subnet,omitempty"`   // IPv4; empty for a free one
	Gateway  string `json:"gateway,omitempty"`  // the bridge's address in Subnet; empty for the first
	MTU      int    `json:"mtu,omitempty"`      // bytes; 0 for that of the host's way out
	Labels   []Pair `json:"labels,omitempty"`
}

// Volume is a top-level named volume.
type Volume struct {
	Key      string `json:"key"`
	Name     string `json:"name"` // name on the machine, e.g. demo_data
	External bool   `json:"external,omitempty"`
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
}

// Healthcheck is a health probe; durations of 0 mean the Specification's
// defaults (interval 30 s, timeout 30 s, retries 3, start_period 0, start_interval 5 s).
type Healthcheck struct {
	Test          []string `json:"test,omitempty"` // CMD, CMD-SHELL form; empty: the image's test with these timings
	Disable       bool     `json:"disable,omitempty"`
	Interval      Duration `json:"interval,omitempty"`
	Timeout       Duration `json:"timeout,omitempty"`
	StartPeriod   Duration `json:"start_period,omitempty"`
	StartInterval Duration `json:"start_interval,omitempty"`
	Retries       int      `json:"retries,omitempty"`
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
}

// WatchRule is one entry of develop.watch.
type WatchRule struct {
	Path   string   `json:"path"`
	Action string   `json:"action"`
	Target string   `json:"target,omitempty"`
	Ignore []string `json:"ignore,omitempty"`
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

// Service returns the service of that name, or nil.
func (s *Stack) Service(name string) *Service {
	for i := range s.Services {
		if s.Services[i].Name == name {
			return &s.Services[i]
		}
	}
	return nil
}
