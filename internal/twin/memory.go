package twin

import "time"

type verdict int

const (
	fine verdict = iota
	replace
)

// memory is what a watcher keeps between its looks. It reads no clock.
type memory struct {
	stopped int // looks in a row that found the helper stopped
	backoff time.Duration
	notTill time.Time // no new start before this
	alive   time.Time // since when it is seen alive; zero: it is not
}

// judge says what to do about a helper that is held (alive) or not, and
// stopped or not.
func (m *memory) judge(now time.Time, held, stopped bool) verdict {
	if !held {
		m.alive, m.stopped = time.Time{}, 0
		if now.Before(m.notTill) {
			return fine
		}
		return replace
	}
	if m.alive.IsZero() {
		m.alive = now
	}
	if now.Sub(m.alive) >= steadyTime {
		m.backoff = 0
	}
	if !stopped {
		m.stopped = 0
		return fine
	}
	if m.stopped++; m.stopped < 2 {
		return fine
	}
	m.stopped = 0
	return replace
}

// spawned notes that a new helper was started.
func (m *memory) spawned(now time.Time) {
	m.backoff = min(max(2*m.backoff, minBackoff), maxBackoff)
	m.notTill = now.Add(m.backoff)
	m.alive = time.Time{}
}
