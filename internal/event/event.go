// Package event carries what happens during a run to whoever shows it.
package event

import (
	"time"

	"stackup.dev/stackup/planner"
)

// Phase is a moment in a step's life.
type Phase string

// The phases. Every step gets Started and exactly one of Done, Failed and
// Skipped, save that a Skipped step never started.
const (
	Started  Phase = "started"
	Progress Phase = "progress"
	Done     Phase = "done"
	Failed   Phase = "failed"
	Skipped  Phase = "skipped"
)

// Event is one moment of a run.
type Event struct {
	Time  time.Time      `json:"time"`
	Step  planner.StepID `json:"step"`
	Op    planner.Op     `json:"op"`
	Ref   planner.Ref    `json:"ref"`
	Phase Phase          `json:"phase"`
	Text  string         `json:"text,omitempty"`
	Done  int64          `json:"done,omitempty"`  // Progress: bytes
	Total int64          `json:"total,omitempty"` // Progress: bytes, 0 if unknown
	Err   string         `json:"error,omitempty"`
}

// Sink takes events. Emit returns at once and may be called from many goroutines.
type Sink interface{ Emit(Event) }

// Func makes a Sink of a function.
type Func func(Event)

// Emit calls f.
func (f Func) Emit(e Event) { f(e) }

// Discard is the Sink that forgets.
var Discard Sink = Func(func(Event) {})
