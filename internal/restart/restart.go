// Package restart decides whether and when an exited container starts again.
// It is pure.
package restart

import (
	"time"

	"stackup.dev/stackup/spec"
)

// The back-off of Docker's restart policies.
const (
	FirstDelay = 100 * time.Millisecond
	MaxDelay   = time.Minute
	Steady     = 10 * time.Second // a run as long as this ends the back-off
)

// LostCode stands for the exit code of a run of which nobody knows how it ended.
const LostCode = 255

// Count is what is remembered between the exits of one container.
type Count struct {
	Total int `json:"total"` // restarts so far; on-failure's limit counts these, as Docker's does
	Quick int `json:"quick"` // restarts in a row after runs shorter than Steady
	Exit  int `json:"exit"`  // exit code of the run before the last restart
}

// Decide says whether a container that ended with exitCode after running for
// ranFor starts again, after which delay, and what to remember. A container
// that was stopped by hand is left alone under every policy (Compose
// Specification, "restart"). An empty policy means no.
func Decide(p spec.Restart, exitCode int, manuallyStopped bool, c Count, ranFor time.Duration) (again bool, delay time.Duration, next Count) {
	if p.Window > 0 && ranFor >= time.Duration(p.Window) {
		c.Total = 0 // that start has succeeded
	}
	if manuallyStopped || !wanted(p, exitCode, c) {
		return false, 0, c
	}
	if ranFor >= Steady {
		c.Quick = 0
	}
	delay = backoff(c.Quick)
	if p.Delay > 0 {
		delay = time.Duration(p.Delay)
	}
	return true, delay, Count{Total: c.Total + 1, Quick: c.Quick + 1, Exit: exitCode}
}

// Ever says whether there is an exit after which p starts a container again.
func Ever(p spec.Restart) bool { return wanted(p, 1, Count{}) }

func wanted(p spec.Restart, exitCode int, c Count) bool {
	left := p.MaxRetries <= 0 || c.Total < p.MaxRetries
	switch p.Policy {
	case spec.RestartAlways, spec.RestartUnlessStopped:
		return left
	case spec.RestartOnFailure:
		return exitCode != 0 && left
	default: // no, or not given
		return false
	}
}

// backoff doubles from FirstDelay to MaxDelay.
func backoff(n int) time.Duration {
	d := FirstDelay
	for ; n > 0 && d < MaxDelay; n-- {
		d *= 2
	}
	return min(d, MaxDelay)
}
