package slowness

import (
	"sync"
	"sync/atomic"
	"time"
)

// tick is how often the time that was given is counted.
const tick = 10 * time.Millisecond

var (
	given atomic.Int64 // in nanoseconds
	count = sync.OnceFunc(func() { go counting() })
)

// Given returns the time that the machine has given this process since the first call
// of Given. It goes on like a clock, in steps of ten milliseconds; a stall, in which
// the process does not run at all, counts as fifty at most. Tests measure with it
// what may not take long, so that a machine that stalls fails none.
func Given() time.Duration {
	count()
	return time.Duration(given.Load())
}

// counting adds to given for as long as the process lives.
func counting() {
	last := time.Now()
	for {
		time.Sleep(tick)
		now := time.Now()
		given.Add(int64(min(now.Sub(last), 5*tick)))
		last = now
	}
}
