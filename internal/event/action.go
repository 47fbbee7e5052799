package event

import (
	"time"

	"stackup.dev/stackup/planner"
)

// Deed is what a watch does about changed files.
type Deed string

// The deeds. Several that follow from one change are told as one Action.
const (
	Synced    Deed = "sync"
	Restarted Deed = "restart"
	Ran       Deed = "exec"
	Rebuilt   Deed = "rebuild"
	Applied   Deed = "apply" // a plan of the stack as its files are now
)

// Action is one line of a watch: what has changed, what was done about it, and
// how it ended.
type Action struct {
	Time     time.Time      `json:"time"`
	Services []string       `json:"services,omitempty"`
	Deeds    []Deed         `json:"actions"`
	Changed  []string       `json:"changed,omitempty"` // paths, as the user would write them
	Steps    []planner.Step `json:"steps,omitempty"`   // of Applied: one for each object, with its reason
	Took     time.Duration  `json:"took"`              // nanoseconds from the first change
	Notes    []string       `json:"notes,omitempty"`   // what else there is to know
	Err      string         `json:"error,omitempty"`   // it is tried again at the next change
}
