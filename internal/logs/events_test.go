package logs

import (
	"errors"
	"testing"
	"time"
)

// TestErrorsOfTheWatcherAreTaken: one that nobody takes would keep close waiting.
func TestErrorsOfTheWatcherAreTaken(t *testing.T) {
	e := newEvents()
	if e.w == nil {
		t.Skip("the system has no watcher left")
	}
	select {
	case e.w.Errors <- errors.New("overflow"):
	case <-time.After(10 * time.Second):
		t.Error("nobody takes it")
	}
	e.close()
}
