package logs

import (
	"container/heap"
	"context"
	"time"
)

// Source is the log of one container.
type Source struct {
	ID   string // container ID; two Sources of one ID are the same
	Name string // label of its lines, e.g. web-1
	// Service and Container are told in JSON beside its lines.
	Service, Container string
	Dir                string // log folder; need not exist yet
}

// Options choose what Read reads.
type Options struct {
	// Follow goes on with what is written later, until ctx ends, Until has
	// passed, or the folders of all sources are gone (unless Sources is set).
	Follow bool
	// Tail is the number of lines to begin with, for each source; below 0: all.
	// It counts from the end of the log, before Since and Until are looked at.
	Tail int
	// Since and Until bound the time of a record, both included. Zero: no bound.
	Since, Until time.Time
	// Sources, if set, is asked again about every half second while following.
	// What it adds is read from its beginning.
	Sources func() []Source
	// Begun says that the logs have been begun: a folder that is not there is gone,
	// and not still to come.
	Begun bool
}

const (
	roundTime    = 50 * time.Millisecond // after this the quiet sources are looked at again
	roundRecords = 4096
	refreshTime  = 500 * time.Millisecond
	pollTime     = 250 * time.Millisecond // safety net beside fsnotify
)

// Read hands the records of all sources to yield, merged by time, files from
// the oldest to the youngest. While following, records are merged as far as
// they are there together. A record's Text is good until yield returns. Read
// ends with yield's first error, or with ctx's cause when ctx ends.
func Read(ctx context.Context, sources []Source, o Options, yield func(Source, Record) error) error {
	r := &reader{o: o, yield: yield, known: map[string]*cursor{}}
	defer r.close()
	if o.Follow {
		r.events = newEvents()
	}
	for _, s := range sources {
		if err := r.add(s, o.Tail); err != nil {
			return err
		}
	}
	for {
		r.refresh()
		busy, err := r.round(ctx)
		if err != nil {
			return err
		}
		if !busy && r.done() {
			return nil
		}
		if !busy {
			r.events.wait(ctx)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

type reader struct {
	o         Options
	yield     func(Source, Record) error
	cursors   []*cursor
	known     map[string]*cursor
	heads     headHeap
	events    *events
	refreshed time.Time
}

func (r *reader) add(s Source, tail int) error {
	c := &cursor{src: s, order: len(r.known), once: !r.o.Follow, begun: r.o.Begun}
	r.known[s.ID] = c
	r.cursors = append(r.cursors, c)
	r.events.watch(s.Dir)
	if tail < 0 {
		return nil
	}
	return c.seekTail(tail)
}

// refresh takes in new sources.
func (r *reader) refresh() {
	if !r.o.Follow || r.o.Sources == nil || time.Since(r.refreshed) < refreshTime {
		return
	}
	r.refreshed = time.Now()
	for _, s := range r.o.Sources() {
		if r.known[s.ID] == nil {
			_ = r.add(s, -1) // cannot fail: reads nothing yet
		}
	}
}

// round merges what is there. It ends early now and then, so that a source
// that never falls silent does not hide the others.
func (r *reader) round(ctx context.Context) (busy bool, err error) {
	for _, c := range r.cursors {
		if c.waiting {
			continue // in the heap already
		}
		if err := r.push(c); err != nil {
			return false, err
		}
	}
	start := time.Now()
	for n := 0; len(r.heads) > 0; n++ {
		if n%256 == 255 && (ctx.Err() != nil || time.Since(start) > roundTime) || n == roundRecords {
			return true, nil
		}
		c := r.heads[0]
		if r.within(c.head.Time) {
			if err := r.yield(c.src, c.head); err != nil {
				return false, err
			}
		}
		c.ended = c.ended || r.past(c.head.Time)
		ok, err := c.next()
		if err != nil {
			return false, err
		}
		if busy = true; ok {
			heap.Fix(&r.heads, 0)
		} else {
			c.waiting = false
			heap.Pop(&r.heads)
		}
	}
	r.dropEnded()
	return busy, nil
}

func (r *reader) push(c *cursor) error {
	ok, err := c.next()
	if ok {
		c.waiting = true
		heap.Push(&r.heads, c)
	}
	return err
}

func (r *reader) within(t time.Time) bool {
	return !t.Before(r.o.Since) && !r.past(t)
}

// past says that t, and so all that comes after it in its log, is not wanted.
func (r *reader) past(t time.Time) bool { return !r.o.Until.IsZero() && t.After(r.o.Until) }

// dropEnded lets go of sources whose folder is gone. They stay known: an ID
// does not come back.
func (r *reader) dropEnded() {
	kept := r.cursors[:0]
	for _, c := range r.cursors {
		if c.ended {
			c.close()
			continue
		}
		r.events.watch(c.src.Dir)
		kept = append(kept, c)
	}
	clear(r.cursors[len(kept):])
	r.cursors = kept
}

func (r *reader) done() bool {
	if !r.o.Follow {
		return true
	}
	if r.past(time.Now()) {
		return true
	}
	return len(r.cursors) == 0 && r.o.Sources == nil
}

func (r *reader) close() {
	for _, c := range r.cursors {
		c.close()
	}
	r.events.close()
}

// headHeap orders cursors by the time of their next record.
type headHeap []*cursor

func (h headHeap) Len() int { return len(h) }
func (h headHeap) Less(i, j int) bool {
	if h[i].head.Time.Equal(h[j].head.Time) {
		return h[i].order < h[j].order
	}
	return h[i].head.Time.Before(h[j].head.Time)
}
func (h headHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *headHeap) Push(x any)   { *h = append(*h, x.(*cursor)) }
func (h *headHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
