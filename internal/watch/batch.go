package watch

import (
	"context"
	"maps"
	"time"
)

// Quiet is how long nothing must change before a batch is told, and Most how
// long after its first change it is told at the latest.
const (
	Quiet = 20 * time.Millisecond
	Most  = 200 * time.Millisecond
)

// Batch is what has changed at once, each path once and sorted. Whoever makes
// something equal to it removes what has gone even if it is there again: that it
// came is told by itself, and may have been undone without a word by then.
type Batch struct {
	First time.Time // of the first change, as it was heard of
	Paths []string
	Gone  map[string]bool // those that were not there when the batch was told
}

// collection gathers changes until they are due. It reads no clock.
type collection struct {
	first, last time.Time
	paths       map[string]bool
}

func (c *collection) add(now time.Time, names []string) {
	if len(c.paths) == 0 {
		c.first, c.paths = now, map[string]bool{}
	}
	c.last = now
	for _, n := range names {
		c.paths[n] = true
	}
}

// due is when the batch is to be told.
func (c *collection) due() time.Time {
	quiet, most := c.last.Add(Quiet), c.first.Add(Most)
	if quiet.Before(most) {
		return quiet
	}
	return most
}

// batches gathers what comes in. settle is called when a batch is due, and says
// what of it there is to tell. While nobody takes a batch, it grows.
func batches(ctx context.Context, in <-chan []string, settle func(map[string]bool) Batch, out chan<- Batch) {
	var c collection
	var ready *Batch
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		var to chan<- Batch
		var next Batch
		if ready != nil {
			to, next = out, *ready
		}
		select {
		case <-ctx.Done():
			return
		case names := <-in:
			c.add(time.Now(), names)
			timer.Reset(time.Until(c.due()))
		case <-timer.C:
			b := settle(c.paths)
			b.First = c.first
			ready = join(ready, b)
			c = collection{}
		case to <- next:
			ready = nil
		}
	}
}

// join adds a batch to one that nobody has taken yet.
func join(ready *Batch, b Batch) *Batch {
	if len(b.Paths) == 0 {
		return ready
	}
	if ready == nil {
		return &b
	}
	gone := maps.Clone(ready.Gone)
	for _, name := range b.Paths {
		delete(gone, name)
	}
	maps.Copy(gone, b.Gone)
	return &Batch{ready.First, union(ready.Paths, b.Paths), gone}
}
