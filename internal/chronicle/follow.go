package chronicle

import (
	"context"
	"slices"
	"time"
)

const (
	// look is how often it is looked for new entries.
	look = 100 * time.Millisecond
	// hold is how long an entry waits for earlier ones that are noted later: each
	// writer notes when it is done.
	hold = 200 * time.Millisecond
)

// Follow tells what happened from since on and no later than until, in the order
// of time, as it is noted. A zero since is now, a zero until never comes. It
// returns when until has passed, ctx ends, or tell fails. What is noted late, as an
// exit that nobody was there to see, is told late.
func (b Book) Follow(ctx context.Context, since, until time.Time, tell func(Entry) error) error {
	if since.IsZero() {
		since = time.Now()
	}
	r := &reader{book: b}
	defer r.close()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for ctx.Err() == nil {
		now := time.Now() // before the look: what is noted by then is seen
		if err := r.read(); err != nil {
			return err
		}
		ripe := now.Add(-hold)
		over := !until.IsZero() && ripe.After(until)
		for _, e := range r.before(ripe) {
			if e.Time.Before(since) || !until.IsZero() && e.Time.After(until) {
				continue
			}
			if err := tell(e); err != nil {
				return err
			}
		}
		if over {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return nil
}

// Ends gives when each container last ended, as far as is known, by its ID.
func (b Book) Ends() (map[string]time.Time, error) {
	r := &reader{book: b}
	defer r.close()
	err := r.read()
	ends := map[string]time.Time{}
	for _, e := range r.waiting {
		if e.Action == Die && e.Time.After(ends[e.ID]) {
			ends[e.ID] = e.Time
		}
	}
	return ends, err
}

// reader has all entries that it has read and not given yet.
type reader struct {
	book    Book
	tails   []*tail
	waiting []Entry
	died    map[end]bool
}

// end is one end of a container.
type end struct {
	id string
	at int64 // nanoseconds since 1970
}

// before gives what happened until t, in the order of time.
func (r *reader) before(t time.Time) []Entry {
	slices.SortStableFunc(r.waiting, func(a, b Entry) int { return a.Time.Compare(b.Time) })
	n, _ := slices.BinarySearchFunc(r.waiting, t, func(e Entry, t time.Time) int {
		if e.Time.After(t) {
			return 1
		}
		return -1
	})
	out := slices.Clone(r.waiting[:n])
	r.waiting = slices.Delete(r.waiting, 0, n)
	return out
}

// add takes an entry, unless it is an end that somebody else has noted already.
func (r *reader) add(e Entry) {
	if e.Type == Container && e.Action == Die {
		key := end{e.ID, e.Time.UnixNano()}
		if r.died[key] {
			return
		}
		if r.died == nil {
			r.died = map[end]bool{}
		}
		r.died[key] = true
	}
	r.waiting = append(r.waiting, e)
}
