package health

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The bounds of what is kept.
const (
	MaxOutput  = 4 << 10 // bytes of one probe's output
	MaxResults = 5
)

// Prober runs one probe. It calls started once, before it returns, when the probe's
// process runs: the probe's time begins then. When ctx ends it must kill what it
// started, children included, and return soon. exit counts only if err is nil. An error
// that wraps ErrNoResult says nothing about the container.
type Prober interface {
	Probe(ctx context.Context, started func()) (exit int, output string, err error)
}

// ErrNoResult is the class of errors of a probe that did not come to be, as when the
// engine is away.
var ErrNoResult = errors.New("no result")

// waiter is a Prober that may not begin at any time: Await is called before each
// Probe, and the time that takes is not the probe's. Its error is that of ctx.
type waiter interface {
	Await(ctx context.Context) error
}

// Status is a state with the results that led to it, oldest first.
type Status struct {
	Version int `json:"version"`
	State
	Results []Result `json:"results,omitempty"`
}

// NewStatus is the status of a container that was just started.
func NewStatus(started time.Time) Status {
	return Status{Version: fileVersion, State: State{Health: Starting, Started: started}}
}

// Loop probes one container.
type Loop struct {
	Prober  Prober
	Config  Config
	Publish func(s Status, changed bool) // after each probe; changed: its Health is a new one
}

// Run probes until ctx ends, beginning from a status, which may be one that an
// earlier process left. The first probe comes after a delay, as with Docker.
// Probes never overlap.
func (l *Loop) Run(ctx context.Context, from Status) {
	s := from
	timer := time.NewTimer(NextDelay(s.State, time.Now(), l.Config))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if w, ok := l.Prober.(waiter); ok && w.Await(ctx) != nil {
			return
		}
		r, ok := l.probe(ctx)
		if ctx.Err() != nil {
			return // the result says nothing about the container
		}
		if !ok {
			timer.Reset(NextDelay(s.State, time.Now(), l.Config))
			continue
		}
		was := s.Health
		s.State = Next(s.State, r, l.Config)
		s.Results = append(append([]Result(nil), s.Results...), r)
		s.Results = s.Results[max(0, len(s.Results)-MaxResults):]
		l.Publish(s, s.Health != was)
		timer.Reset(NextDelay(s.State, time.Now(), l.Config))
	}
}

// errTooLong is the cause that a probe's context ends with.
var errTooLong = errors.New("the probe takes too long")

// probe runs one probe. ok is false if there is no result.
func (l *Loop) probe(ctx context.Context) (r Result, ok bool) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var timer *time.Timer
	r = Result{Start: time.Now()}
	exit, output, err := l.Prober.Probe(ctx, func() {
		timer = time.AfterFunc(l.Config.Timeout, func() { cancel(errTooLong) })
	})
	if timer != nil {
		timer.Stop()
	}
	r.End, r.Exit, r.Output = time.Now(), exit, capped(output)
	switch {
	case errors.Is(context.Cause(ctx), errTooLong):
		r.Exit, r.Output = -1, capped(fmt.Sprintf("probe took longer than %v\n%s", l.Config.Timeout, output))
	case errors.Is(err, ErrNoResult):
		return r, false
	case err != nil:
		r.Exit, r.Output = -1, capped(err.Error())
	}
	return r, true
}

// capped keeps the beginning, in whole characters.
func capped(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), MaxOutput)], "")
}
