package ctrd

import (
	"context"
	"errors"
	"testing"
	"time"

	containerd "github.com/containerd/containerd/v2/client"

	"stackup.dev/stackup/internal/statedir"
)

// starting is a process whose start takes until go is closed.
type starting struct {
	containerd.Process
	begun, end chan struct{}
}

var errStart = errors.New("no such program")

func (s starting) Start(context.Context) error {
	close(s.begun)
	<-s.end
	return errStart
}

// TestStartExec: as long as a process is being started in a container, nobody
// pauses it.
func TestStartExec(t *testing.T) {
	e := unconnected(t)
	p := starting{begun: make(chan struct{}), end: make(chan struct{})}
	done := make(chan error)
	go func() { done <- e.startExec(t.Context(), "shop-web-1-g1", p) }()
	<-p.begun
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var held *statedir.LockedError
	if _, err := e.Dirs.LockExec(ctx, "shop-web-1-g1"); !errors.As(err, &held) {
		t.Errorf("meanwhile the lock is given: %v", err)
	}
	close(p.end)
	if err := <-done; !errors.Is(err, errStart) {
		t.Errorf("the start ends with %v", err)
	}
	lock, err := e.Dirs.LockExec(t.Context(), "shop-web-1-g1")
	fatal(t, err)
	fatal(t, lock.Unlock())
}
