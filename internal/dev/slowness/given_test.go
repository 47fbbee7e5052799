package slowness

import (
	"testing"
	"time"
)

// TestGiven: it goes on while the process runs, and never faster than the clock.
func TestGiven(t *testing.T) {
	first, begun := Given(), time.Now()
	for end := time.Now().Add(10 * time.Second); Given() < first+5*tick; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("10 s later: %s", Given()-first)
		}
	}
	if got, clock := Given()-first, time.Since(begun); got > clock+5*tick {
		t.Errorf("%s within %s", got, clock)
	}
}
