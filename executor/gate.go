package executor

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// gate lets a number of steps in at a time, of those that wait the one of the
// lowest rank first.
type gate struct {
	mu      sync.Mutex
	free    int
	waiting []*ticket
}

type ticket struct {
	rank int
	turn chan struct{} // closed when the ticket's holder is in
}

func newGate(size int) *gate { return &gate{free: size} }

// enter waits until there is room. It says false if ctx ended first: then the
// caller is not in.
func (g *gate) enter(ctx context.Context, rank int) bool {
	t := g.queue(rank)
	select {
	case <-t.turn:
		return true
	case <-ctx.Done():
		return g.withdraw(t)
	}
}

func (g *gate) queue(rank int) *ticket {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := &ticket{rank: rank, turn: make(chan struct{})}
	if g.free > 0 {
		g.free--
		close(t.turn)
		return t
	}
	at, _ := slices.BinarySearchFunc(g.waiting, rank+1, func(o *ticket, rank int) int { return cmp.Compare(o.rank, rank) })
	g.waiting = slices.Insert(g.waiting, at, t)
	return t
}

// withdraw gives up waiting, unless t's turn has come meanwhile.
func (g *gate) withdraw(t *ticket) (in bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := slices.Index(g.waiting, t)
	if at < 0 {
		return true
	}
	g.waiting = slices.Delete(g.waiting, at, at+1)
	return false
}

// leave makes room for the next.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.free++
		return
	}
	close(g.waiting[0].turn)
	g.waiting = g.waiting[1:]
}
