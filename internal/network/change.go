package network

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// change is an endpoint that comes up or goes down.
type change struct {
	id     string
	up     bool
	marked *Endpoint // as it is now, if that has changed
	done   chan error
}

// changes gathers those that come while others are being carried out, so that
// rules and names are written once for all of them.
type changes struct {
	mu      sync.Mutex
	waiting []*change
	busy    bool
}

// setUp marks the endpoint and makes rules, names and flows follow. Going down
// does all of it even if a part fails; a missing record is no error for it.
// What other goroutines ask for meanwhile goes along with it.
func (h *Host) setUp(ctx context.Context, id string, up bool) error {
	c := &change{id: id, up: up, done: make(chan error, 1)}
	if h.changes.add(c) {
		h.carryOut(ctx)
	}
	return <-c.done // soon, or when nobody gets the network lock any more
}

// add says whether the caller is to carry out what waits, now and until
// nothing does.
func (q *changes) add(c *change) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, c)
	first := !q.busy
	q.busy = true
	return first
}

// take gives all that wait.
func (q *changes) take() []*change {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch := q.waiting
	q.waiting = nil
	return batch
}

// over says that nothing waits; then the next one to come carries out his own.
func (q *changes) over() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = len(q.waiting) > 0
	return !q.busy
}

// carryOut carries out what waits. Others wait for it too, so the end of this caller's ctx
// is not its end.
func (h *Host) carryOut(ctx context.Context) {
	for {
		h.carryOutBatch(context.WithoutCancel(ctx))
		if h.changes.over() {
			return
		}
	}
}

// carryOutBatch takes what waits when the lock is had, and tells each how its
// own went.
func (h *Host) carryOutBatch(ctx context.Context) {
	unlock, err := h.lock(ctx)
	batch := h.changes.take()
	errs := make([]error, len(batch))
	if err == nil {
		err = h.apply(batch, errs)
		unlock()
	}
	for i, c := range batch {
		if errs[i] = errors.Join(errs[i], err); errs[i] == nil && c.marked != nil {
			h.noteChange(*c.marked)
		}
		c.done <- errs[i]
	}
}

// noteChange tells that a container's endpoint has come up or gone down.
func (h *Host) noteChange(e Endpoint) {
	action := "disconnect"
	if e.Up {
		action = "connect"
	}
	for _, a := range e.Attachments {
		h.note(e.Stack, a.Network, action, e.ID)
	}
}

// apply carries out a batch. The caller has the lock.
func (h *Host) apply(batch []*change, errs []error) error {
	all, err := h.Endpoints()
	if err != nil {
		return err
	}
	var touched []Endpoint
	for i, c := range batch {
		if c.marked, errs[i] = h.mark(all, c); c.marked != nil {
			touched = append(touched, *c.marked)
		}
	}
	return errors.Join(h.publishThese(all), h.rewriteHosts(touched, all), forgetFlows(touched))
}

// mark writes one change into its record, and gives that if it is another now.
func (h *Host) mark(all []Endpoint, c *change) (*Endpoint, error) {
	i := slices.IndexFunc(all, func(o Endpoint) bool { return o.ID == c.id })
	switch {
	case i < 0 && c.up:
		return nil, fmt.Errorf("the record of container %s went away", c.id)
	case i < 0 || !c.up && !all[i].Up:
		return nil, nil
	}
	silent := all[i].Silent
	all[i].Up, all[i].Silent = c.up, false
	if c.up && !silent { // else it has its turn already
		all[i].Seq = nextSeq(all)
	}
	return &all[i], h.writeEndpoint(all[i])
}

func nextSeq(all []Endpoint) int64 {
	var top int64
	for _, e := range all {
		top = max(top, e.Seq)
	}
	return top + 1
}
