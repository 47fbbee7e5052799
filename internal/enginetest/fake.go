// Package enginetest has what tests of the layers above the engine need: Fake,
// an engine in memory, and Suite, the contract that every engine keeps.
package enginetest

import (
	"context"
	"sync"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// Engine is an engine whose world can be looked at.
type Engine interface {
	executor.Engine
	// Observe reads the state of one stack, and of the images that it names.
	Observe(ctx context.Context, s *spec.Stack) (planner.State, error)
}

var _ Engine = (*Fake)(nil)

// Fake is an engine in memory. It keeps state as a real one does, and is
// strict where the contract is: a container started twice, or made without
// its image or network, is an error. All methods may be called from many
// goroutines.
//
// A process is understood only as far as tests need it: a command whose last
// word is "exit N" ends at once with code N, any other runs for ever.
type Fake struct {
	mu         sync.Mutex
	changed    chan struct{} // closed and replaced at each change
	containers map[string]*container
	networks   map[string]planner.Network // by name on the machine
	volumes    map[string]planner.Volume
	images     map[string]planner.Image
	ports      []planner.PortUse
	sick       map[string]bool // services whose health probes fail
	faults     map[string]map[int]fault
	counts     map[string]int
	built      int // images
	calls      []Call
}

// container is one container of the Fake.
type container struct {
	spec   executor.ContainerSpec
	task   planner.TaskState
	health planner.Health
	code   int
}

// Call is one call that the Fake has received.
type Call struct {
	Method string // name of the Go method
	Object string // what it acted on
}

// New makes a Fake on an empty machine.
func New() *Fake {
	return &Fake{
		changed:    make(chan struct{}),
		containers: map[string]*container{},
		networks:   map[string]planner.Network{},
		volumes:    map[string]planner.Volume{},
		images:     map[string]planner.Image{},
		sick:       map[string]bool{},
		faults:     map[string]map[int]fault{},
		counts:     map[string]int{},
	}
}

// Calls gives all calls so far, in the order in which they came.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Call(nil), f.calls...)
}

// notify wakes all waits. The caller holds mu.
func (f *Fake) notify() {
	close(f.changed)
	f.changed = make(chan struct{})
}
