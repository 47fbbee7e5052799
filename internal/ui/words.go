package ui

import (
	"strings"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
)

// standing is the state of a row as its mark shows it.
type standing int

const (
	standingActive standing = iota
	standingDone
	standingFailed
	standingSkipped
)

func (r *row) standing() standing {
	switch {
	case len(r.active) > 0:
		return standingActive
	case r.failure != nil:
		return standingFailed
	case r.skips > 0:
		return standingSkipped
	default:
		return standingDone
	}
}

// status says in words what the thing is at.
func (r *row) status() string {
	switch r.standing() {
	case standingActive:
		return r.doing()
	case standingFailed:
		s := "Failed"
		if r.restored {
			s = "Failed, old one back"
		}
		return s + ": " + firstLine(r.failure.Err)
	case standingSkipped:
		return withText("Skipped", r.last.Text)
	default:
		return r.outcome()
	}
}

func (r *row) doing() string {
	a := r.active[len(r.active)-1]
	w := doing(a.Op)
	if r.failure == nil && r.finished[planner.OpCreate] > 0 && (a.Op == planner.OpStop || a.Op == planner.OpRemove) {
		w += " old" // its successor is already made
	}
	return withText(w, r.text)
}

// outcome sums up what was done: a new container that took over from an old
// one is "Replaced", not "Removed".
func (r *row) outcome() string {
	created, removed := r.finished[planner.OpCreate] > 0, r.finished[planner.OpRemove] > 0
	switch {
	case created && removed:
		return "Replaced"
	case r.last.Op == planner.OpWait && r.last.Text != "":
		return capitalised(Sanitize(r.last.Text))
	default:
		return did(r.last.Op)
	}
}

func doing(op planner.Op) string {
	switch op {
	case planner.OpPull:
		return "Pulling"
	case planner.OpLoad:
		return "Loading"
	case planner.OpBuild:
		return "Building"
	case planner.OpPush:
		return "Pushing"
	case planner.OpCreate:
		return "Creating"
	case planner.OpUpdate:
		return "Updating"
	case planner.OpStart:
		return "Starting"
	case planner.OpHook:
		return "Preparing"
	case planner.OpWait:
		return "Waiting"
	case planner.OpStop:
		return "Stopping"
	case planner.OpRemove:
		return "Removing"
	case planner.OpRepair:
		return "Repairing"
	case planner.OpKill:
		return "Killing"
	case planner.OpPause:
		return "Pausing"
	case planner.OpUnpause:
		return "Unpausing"
	default:
		return Sanitize(string(op))
	}
}

func did(op planner.Op) string {
	switch op {
	case planner.OpPull:
		return "Pulled"
	case planner.OpLoad:
		return "Loaded"
	case planner.OpBuild:
		return "Built"
	case planner.OpPush:
		return "Pushed"
	case planner.OpCreate:
		return "Created"
	case planner.OpUpdate:
		return "Updated"
	case planner.OpStart:
		return "Started"
	case planner.OpHook:
		return "Prepared"
	case planner.OpWait:
		return "Ready"
	case planner.OpStop:
		return "Stopped"
	case planner.OpRemove:
		return "Removed"
	case planner.OpRepair:
		return "Repaired"
	case planner.OpKill:
		return "Killed"
	case planner.OpPause:
		return "Paused"
	case planner.OpUnpause:
		return "Unpaused"
	default:
		return Sanitize(string(op))
	}
}

// phaseWord names one event of one step.
func phaseWord(e event.Event) string {
	switch e.Phase {
	case event.Started, event.Progress:
		return doing(e.Op)
	case event.Done:
		return did(e.Op)
	case event.Failed:
		return "Failed"
	case event.Skipped:
		return "Skipped"
	default:
		return Sanitize(string(e.Phase))
	}
}

func withText(word, text string) string {
	if text == "" {
		return word
	}
	return word + ": " + firstLine(text)
}

// firstLine is the first line of s, sanitised.
func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return Sanitize(line)
}

func capitalised(s string) string {
	if s == "" || s[0] >= 0x80 {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
