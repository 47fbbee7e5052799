// Package health says from the results of its probes whether a container is
// healthy. Decisions are pure; Loop runs the probes, and files carry the word
// from the process that probes to those that wait.
package health

import (
	"time"

	"stackup.dev/stackup/spec"
)

// Health is the word on a container.
type Health string

// The words. They are those of planner.Health.
const (
	Starting  Health = "starting"
	Healthy   Health = "healthy"
	Unhealthy Health = "unhealthy"
)

// Config holds the timings of a probe with all defaults filled in.
type Config struct {
	Interval      time.Duration
	Timeout       time.Duration
	StartPeriod   time.Duration
	StartInterval time.Duration
	Retries       int
}

// ConfigOf fills in the defaults of the Compose Specification ("healthcheck").
func ConfigOf(h spec.Healthcheck) Config {
	c := Config{
		Interval:      or(h.Interval, 30*time.Second),
		Timeout:       or(h.Timeout, 30*time.Second),
		StartPeriod:   time.Duration(max(h.StartPeriod, 0)),
		StartInterval: or(h.StartInterval, 5*time.Second),
		Retries:       h.Retries,
	}
	if c.Retries <= 0 {
		c.Retries = 3
	}
	return c
}

func or(d spec.Duration, def time.Duration) time.Duration {
	if d <= 0 {
		return def
	}
	return time.Duration(d)
}

// State is all that a decision needs of the past.
type State struct {
	Health  Health    `json:"health"`
	Streak  int       `json:"streak"`  // failures in a row that count
	Started time.Time `json:"started"` // of the container's process
}

// Result is the outcome of one probe.
type Result struct {
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Exit   int       `json:"exit"`   // 0: healthy; -1: the probe could not run or took too long
	Output string    `json:"output"` // at most MaxOutput bytes
}

// Next gives the state after a result. A success makes healthy at once and
// ends the start. A failure counts, except while starting within the start
// period; the Retries-th in a row makes unhealthy.
func Next(prev State, r Result, c Config) State {
	next := prev
	if r.Exit == 0 {
		next.Health, next.Streak = Healthy, 0
		return next
	}
	if starting(prev, r.Start, c) {
		return next
	}
	next.Streak++
	if next.Streak >= c.Retries {
		next.Health = Unhealthy
	}
	return next
}

// NextDelay is the time to wait, counted from now, before the next probe.
func NextDelay(s State, now time.Time, c Config) time.Duration {
	if starting(s, now, c) {
		return c.StartInterval
	}
	return c.Interval
}

// starting says whether at that time the container is within its start period
// and was never found healthy.
func starting(s State, at time.Time, c Config) bool {
	return s.Health == Starting && at.Sub(s.Started) < c.StartPeriod
}
