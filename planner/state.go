// Package planner compares a desired stack with what runs and says, step by
// step and with a reason for each, what must be done. It is pure: no I/O, no
// clock, no randomness; equal input gives an equal plan.
package planner

import (
	"fmt"

	"stackup.dev/stackup/spec"
)

// Kind is the kind of thing that a step acts on.
type Kind string

// The kinds of things.
const (
	KindImage     Kind = "image"
	KindNetwork   Kind = "network"
	KindVolume    Kind = "volume"
	KindContainer Kind = "container"
)

// Ref names one thing of a stack; the only key between layers.
type Ref struct {
	Kind  Kind   `json:"kind"`
	Name  string `json:"name"`            // image reference, network or volume key, service
	Index int    `json:"index,omitempty"` // container: replica, counted from 1
}

// String gives the short form used in plans: web.1, network/front, nginx:2.
func (r Ref) String() string {
	switch r.Kind {
	case KindContainer:
		return fmt.Sprintf("%s.%d", r.Name, r.Index)
	case KindImage:
		return r.Name
	default:
		return string(r.Kind) + "/" + r.Name
	}
}

// TaskState is the state of a container's process.
type TaskState string

// The states of a task. After a reboot every container has TaskNone.
const (
	TaskNone    TaskState = "none"    // no task: never started, lost, or deleted
	TaskCreated TaskState = "created" // made but not started: a start was interrupted
	TaskRunning TaskState = "running"
	TaskPaused  TaskState = "paused"
	TaskStopped TaskState = "stopped" // exited, exit code known
	// Processes of the container run, and the engine has no task of them.
	TaskOrphaned TaskState = "orphaned"
)

// Runs reports whether processes of the container run: frozen ones do, and those that
// the engine has lost.
func (s TaskState) Runs() bool { return s == TaskRunning || s == TaskPaused || s == TaskOrphaned }

// Health is the last word of a container's health probe.
type Health string

// The health states.
const (
	HealthNone      Health = ""
	HealthStarting  Health = "starting"
	HealthHealthy   Health = "healthy"
	HealthUnhealthy Health = "unhealthy"
)

// State is what was observed of one stack and of the host, in one go.
type State struct {
	Stack      string
	Containers []Container
	Networks   []Network
	Volumes    []Volume
	Users      map[string][]string // IDs of the containers that mount an anonymous volume, by its name; nil unless asked for
	Images     []Image
	PortsInUse []PortUse // host ports taken by anything outside this stack
	NamesInUse []NameUse // names that services choose for their containers, as other stacks' containers have them
	Lacks      []Lack
}

// NameUse is a container name that is taken.
type NameUse struct {
	Name  string
	Stack string // whose container has it
}

// Lack is something that a service asks of the machine, and that it has not.
type Lack struct {
	Service string
	What    string // attribute and why
	Hook    bool   // a container of pre_start asks for it
}

// Container is one incarnation of a replica.
type Container struct {
	ID         string // deterministic: see ContainerID
	Ref        Ref
	Name       string // visible name
	Generation int
	Hash       string       // spec hash it was made from
	Digest     string       // image manifest digest it was made from
	Service    spec.Service // stored desired model it was made from, with live fields up to date
	// Networks and Volumes are the ones it was made with, as
	// executor.ContainerSpec had them; both nil if that is not known.
	Networks []spec.Network
	Volumes  []spec.Volume
	// Mounted are the digests of the images that it mounts, by reference.
	Mounted  map[string]string
	Task     TaskState
	Health   Health
	ExitCode int  // of a stopped task
	Prepares int  // of a hook of pre_start: the replica that it ran for; such a one is only fit to be removed
	Renewed  int  // the generation that its anonymous volumes were made anew for; 0 for the replica's first
	Partial  bool // leftovers of an interrupted run without a container record: only fit to be removed
}

// Network is a network that exists on the machine.
type Network struct {
	Key    string // in its stack; empty for one that is not of this stack
	Name   string
	Stack  string // owner
	Subnet string
	Made   spec.Network // of which the settings count: those that it was made with
	Lost   []string     // what was there under running containers and is gone: links, addresses, rules
}

// Volume is a volume that exists on the machine.
type Volume struct {
	Key       string // in its stack; empty for an anonymous or foreign one
	Name      string
	Stack     string
	Anonymous bool
	Made      spec.LocalMount // driver_opts that it was made with
	Labels    []spec.Pair
}

// Image is one image that the stack refers to.
type Image struct {
	Ref    string // as in spec.Service.Image
	Local  string // manifest digest present here; empty if absent
	Wanted string // manifest digest to run; Local unless it must be pulled
	Err    string // why an absent image cannot be had; empty if it can
	Build  *Build // nil: not built by the stack, or nobody has looked
}

// PortUse is a host port that is taken, with its holder.
type PortUse struct {
	HostIP   string // empty for all; "0.0.0.0" or "::" for all of one family
	Port     uint16
	Protocol string
	Holder   string // e.g. `nginx (pid 12)` or `service web of stack shop`
}
