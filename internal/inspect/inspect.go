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
	Files     string // stack files, separated by commas
	Image     string
	Args      []string
	Created   time.Time
	PID       int       // 0 without a task
	StartedAt time.Time // zero if unknown
	Lost      bool      // it was started before the machine was, and is not here since
	Starting  bool      // somebody makes its task just now; List alone says so
	ExitedAt  time.Time // zero while it runs
	Restarts  restart.Count
	Desired   string // labels.DesiredRunning, labels.DesiredStopped, or empty before the first start
	Ports     []network.Published
	Addresses map[string]string // by network
	Labels    map[string]string // the user's own
	Probe     *spec.Healthcheck // in force: the file's or the image's; nil for none
}

// EndedWith returns the exit code of the container's last run: that which its task has,
// or which was kept of it, before told, which an event says: an engine that starts makes
// up an end of what had ended before.
func (c Container) EndedWith(told int) int {
	if c.ExitedAt.IsZero() {
		return told
	}
	return c.ExitCode
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
	Started    func()      // nil, or what is called once the process has been started
}

// Size is a terminal's size in characters.
type Size struct{ Width, Height uint16 }

// Exit says that the main process of a container has ended.
type Exit struct {
	ID   string
	Code int
	At   time.Time
}

// OutOfMemory says that the kernel has ended a process of a container for lack of
// memory.
type OutOfMemory struct{ ID string }

// Change says that a container's task has started or gone, or that its record
// has been written or removed.
type Change struct{ ID string }

// Running is one process of a container as this machine sees it.
type Running struct {
	UID       int
	PID, PPID int
	Started   time.Time
	TTY       string        // "?" for none
	CPU       time.Duration // time on processors so far
	Args      string
}

// Usage is what the processes of a container use, or have used so far.
type Usage struct {
	At             time.Time
	CPU            time.Duration // so far
	Memory, Limit  uint64        // bytes; a limit beyond the machine's memory is none
	Received, Sent uint64        // bytes over its own network
	Read, Written  uint64        // bytes from and to disks
	PIDs           uint64        // processes and threads
}
