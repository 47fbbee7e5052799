package planner

import (
	"slices"
	"time"

	"stackup.dev/stackup/spec"
)

// StepID identifies a step: "start/web.1". The same in every run of the same
// plan, in tests, logs and on the terminal.
type StepID string

// Op is what a step does: one engine call.
type Op string

// The operations.
const (
	OpPull   Op = "pull"
	OpLoad   Op = "load" // from an archive
	OpBuild  Op = "build"
	OpPush   Op = "push" // never of Make
	OpCreate Op = "create"
	OpUpdate Op = "update" // rewrite live fields of a container's stored model
	OpStart  Op = "start"
	OpHook   Op = "pre-start" // run a container of pre_start to its end
	OpWait   Op = "wait"
	OpStop   Op = "stop"
	OpRemove Op = "remove"
	OpRepair Op = "repair" // put back what a network has lost, under its containers

	// What the commands of their names do, and never Make.
	OpKill    Op = "kill"
	OpPause   Op = "pause"
	OpUnpause Op = "unpause"
)

// Code says why a step is there.
type Code string

// The reason codes.
const (
	Missing       Code = "missing"        // wanted and not there
	ConfigChanged Code = "config-changed" // made from another configuration; Fields say which
	ImageChanged  Code = "image-changed"  // made from another image digest
	NotRunning    Code = "not-running"    // there, but its task is not running
	Orphan        Code = "orphan"         // of this stack, but no longer in its file
	ScaledDown    Code = "scaled-down"    // a replica beyond the wanted number
	DependencyOf  Code = "dependency"     // another step needs it
	Forced        Code = "forced"         // asked for on the command line
	Leftover      Code = "leftover"       // debris of an interrupted run
	Replaced      Code = "replaced"       // an old incarnation whose successor takes over
	Down          Code = "down"           // the whole stack goes
	Lost          Code = "lost"           // part of it was there and is gone; Detail says which
)

// Reason says why a step is there, down to the field.
type Reason struct {
	Code   Code          `json:"code"`
	Detail string        `json:"detail,omitempty"`
	Fields []spec.Change `json:"fields,omitempty"`
}

// Step is one engine call. A plain value: it prints, diffs and marshals.
type Step struct {
	ID     StepID `json:"id"`
	Op     Op     `json:"op"`
	Ref    Ref    `json:"ref"`
	Object string `json:"object"`           // containerd ID, image reference, or network or volume name acted on; always set
	Digest string `json:"digest,omitempty"` // pull and create: the image manifest to use
	// Generation is the incarnation that a create makes.
	Generation int            `json:"generation,omitempty"`
	Renewed    int            `json:"renewed,omitempty"` // create: see Container
	Until      spec.Condition `json:"until,omitempty"`   // wait
	Grace      time.Duration  `json:"grace,omitempty"`   // stop: from stop signal to SIGKILL
	Signal     string         `json:"signal,omitempty"`  // kill
	Hook       int            `json:"hook,omitempty"`    // pre-start: which of the service's, from 0
	Reason     Reason         `json:"reason"`
	Needs      []StepID       `json:"needs,omitempty"`
	// Rescue, when not empty, makes this a step that runs only if all of
	// Needs succeeded and one of the named steps did not, be it that it
	// failed or that the run was cut short before it began: how a failed
	// replacement gets the old container back.
	Rescue []StepID `json:"rescue,omitempty"`
	// After are rescue steps that this one waits for, however they end.
	After []StepID `json:"after,omitempty"`
	// Danger marks a step that destroys data.
	Danger bool `json:"danger,omitempty"`
}

// Kept is a thing seen and left alone.
type Kept struct {
	Ref    Ref    `json:"ref"`
	Object string `json:"object"`
}

// Plan is what must be done, in one valid order.
type Plan struct {
	Desired *spec.Stack `json:"-"` // a plan travels with what it was made from
	Prior   State       `json:"-"`
	Stack   string      `json:"stack"`
	Steps   []Step      `json:"steps"`
	Keep    []Kept      `json:"keep,omitempty"`
	Notices []string    `json:"notices,omitempty"` // one line each, for the reader
}

// Options bend what Make plans.
type Options struct {
	Only          []string       // services to bring up, with all they depend on; empty for all
	For           string         // prepare for a one-off container of this service; Only is ignored
	NoDeps        bool           // leave what Only depends on, or what follows it, alone
	Alone         bool           // with For: leave what the service depends on alone
	NoStart       bool           // make what is missing or changed; start and stop nothing, remove nothing
	Build         bool           // build images even if nothing that goes into them has changed
	NoBuild       bool           // build nothing
	ForceRecreate bool           // replace even what is unchanged; with Only, of those services
	RecreateDeps  bool           // with Only: replace even what is unchanged of all other services brought up
	NoRecreate    bool           // leave containers that are there as they are, changed or not
	RenewVolumes  bool           // consent to give containers that are made new anonymous volumes, and remove the old
	RemoveOrphans bool           // remove containers of services that the file no longer has
	RemoveVolumes bool           // consent to remove volumes (down -v)
	Wait          bool           // wait until every service runs, and is healthy where it has a healthcheck
	Timeout       *time.Duration // overrides every service's stop_grace_period
	Down          bool           // take the whole stack away; of the desired stack only the name counts, and of Only the containers of these services go
}

// Empty says whether there is nothing to do.
func (p *Plan) Empty() bool { return len(p.Steps) == 0 }

// Destructive says whether a step of the plan destroys data.
func (p *Plan) Destructive() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Danger })
}
