// Package executor carries out plans. It walks a plan's steps in parallel as
// far as their needs allow and makes one engine call for each.
package executor

import (
	"context"
	"time"

	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// ContainerSpec is all that is needed to make one container, from the plan alone.
type ContainerSpec struct {
	ID         string // containerd ID, unique per incarnation
	Stack      string
	Dir        string   // project directory
	Files      []string // stack files
	Ref        planner.Ref
	Generation int
	Name       string // visible name
	Digest     string // image manifest digest
	Hash       string // spec hash
	Service    spec.Service
	Networks   []spec.Network // the networks that Service.Networks refers to, with their machine names
	Volumes    []spec.Volume  // likewise for volumes
	// Mounted are the digests of the images that Service mounts, by reference;
	// empty for whatever it is by now.
	Mounted map[string]string
	// Aliases lets a one-off container answer by the names of its service too.
	Aliases bool
	// Hostname is that of the service whose network the container shares.
	Hostname string
	// OwnNetwork says that processes in its network namespace may change what is in it:
	// its own, or those of a container that shares it.
	OwnNetwork bool
	// Prepares is the replica that a container of pre_start runs for; 0 for others.
	Prepares int
	// Renewed is planner.Container.Renewed, and RenewedOf that of the first replica
	// of services whose volumes the container shares, by service.
	Renewed   int
	RenewedOf map[string]int
	// Reserved are the addresses that services of the stack have chosen, by network key.
	Reserved map[string][]string
}

// BuildSpec is all that is needed to build one image.
type BuildSpec struct {
	Ref    string // what it is called
	Dir    string // project directory
	Build  *spec.Build
	Images map[string]string // by service: what contexts that are one stand for

	Options BuildOptions
}

// BuildOptions bend every build of a run.
type BuildOptions struct {
	NoCache bool        // build every step anew
	Pull    bool        // ask registries for base images that are here
	Args    []spec.Pair // over the file's
	SSH     []spec.Pair // likewise: by ID a key or socket; empty for the agent

	Provenance, SBOM string // over the file's; empty for those
}

// Images brings images in.
type Images interface {
	// Pull fetches and unpacks ref. report may be called from any goroutine.
	Pull(ctx context.Context, ref, digest string, report func(done, total int64)) error
	// Load takes ref out of an archive, and nothing else of it.
	Load(ctx context.Context, ref, archive string) error
	// Build makes an image from its inputs as they are now. line is told each
	// step and each line of its output, from any goroutine.
	Build(ctx context.Context, b BuildSpec, line func(string)) error
	// Push gives ref, which is here, to its registry.
	Push(ctx context.Context, ref string) error
}

// Networks makes, repairs and removes networks. All may be repeated.
type Networks interface {
	CreateNetwork(ctx context.Context, stack string, n spec.Network) error
	// RepairNetwork puts back what a network has lost of links, addresses, routes,
	// settings and rules, and leaves its containers alone otherwise. One that has lost
	// nothing, or is gone, is no error.
	RepairNetwork(ctx context.Context, name string) error
	RemoveNetwork(ctx context.Context, stack, name string) error
}

// Volumes makes and removes volumes. Both may be repeated.
type Volumes interface {
	// CreateVolume leaves one that is there as it is, but for its labels.
	CreateVolume(ctx context.Context, stack string, v spec.Volume) error
	RemoveVolume(ctx context.Context, stack, name string) error
}

// Containers is the life of a container. Every method may be called again
// after a crash and then finishes what the first call began.
type Containers interface {
	// Create makes the container record and its snapshot; it starts nothing.
	Create(ctx context.Context, c ContainerSpec) error
	// Update rewrites the live fields of the stored model.
	Update(ctx context.Context, id string, c ContainerSpec) error
	// Start makes a new task with its network attached, ports published and name answering.
	Start(ctx context.Context, id string) error
	// RunToEnd runs a container that nobody else knows, and takes it away. One
	// that fails is an error, with what it printed last. When ctx ends it is
	// stopped, within its grace.
	RunToEnd(ctx context.Context, c ContainerSpec) error
	// Wait returns nil once the condition holds, or says why it no longer can.
	Wait(ctx context.Context, id string, until spec.Condition) error
	// Stop sends the stop signal, and SIGKILL after grace; then detaches the
	// network. Stopping what is stopped, or is not there, is no error. It
	// mostly waits: any number of stops are called at once, and the engine
	// bounds what else they do.
	Stop(ctx context.Context, id string, grace time.Duration) error
	// Kill sends a signal to the container's first process. After SIGKILL and
	// the container's own stop signal it is not started again by its policy.
	Kill(ctx context.Context, id, signal string) error
	// Pause freezes all processes of a container, Unpause lets them go on.
	// Repeating either is no error.
	Pause(ctx context.Context, id string) error
	Unpause(ctx context.Context, id string) error
	// Remove takes away the container with its task, snapshot, network
	// namespace, logs and state files.
	Remove(ctx context.Context, id string) error
}

// Engine is the world as the executor acts on it.
type Engine interface {
	Images
	Networks
	Volumes
	Containers
}
