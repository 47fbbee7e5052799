// Package inspect holds what an engine tells of its containers and images
// beyond what planning needs: for showing, watching and executing.
package inspect

import (
	"io"
	"time"

	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// Container is all that there is to show or to watch of one container.
type Container struct {
	planner.Container
	Stack     string
	Dir       string // project directory
	Image     string
	Args      []string
	Created   time.Time
	PID       int       // 0 without a task
	StartedAt time.Time // zero if unknown
	ExitedAt  time.Time // zero while it runs
	Restarts  restart.Count
	Desired   string // labels.DesiredRunning, labels.DesiredStopped, or empty before the first start
	Ports     []network.Published
	Addresses map[string]string // by network
	Labels    map[string]string // the user's own
	Probe     *spec.Healthcheck // in force: the file's or the image's; nil for none
}

// Image is one image on this machine.
type Image struct {
	Name      string
	Digest    string
	Platforms []string // os/architecture
	Size      int64
	Created   time.Time // when it came to this machine
}

// Pruned is what went when unused images were removed.
type Pruned struct {
	Untagged []string // names
	Deleted  []string // digests of images that have no name any more
	Freed    int64    // bytes
}

// Process is a command to run inside a running container.
type Process struct {
	Args       []string
	Env        []string // NAME=value, over the container's own
	User       string   // empty: the container's
	WorkingDir string   // empty: the container's
	Privileged bool     // with all capabilities of this machine
	Detached   bool     // nobody waits for it, or sees its output
	Terminal   bool
	Stdin      io.Reader // nil for none
	Stdout     io.Writer
	Stderr     io.Writer
	Resize     <-chan Size // nil, or the terminal's sizes, the first one at once
}

// Size is a terminal's size in characters.
type Size struct{ Width, Height uint16 }

// Exit says that the main process of a container has ended.
type Exit struct {
	ID   string
	Code int
}

// Change says that a container's task has started or gone, or that its record
// has been written or removed.
type Change struct{ ID string }
