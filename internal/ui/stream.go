package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
)

// form turns events into bytes; it is called from one goroutine.
type form interface {
	event(b *bytes.Buffer, e event.Event)
	end(b *bytes.Buffer)
}

// stream writes events in the order of Emit from a goroutine of its own.
type stream struct {
	w    io.Writer
	form form
	done chan struct{} // closed when the writer has ended
	err  error         // set before done is closed

	mu      sync.Mutex
	wake    *sync.Cond
	pending []event.Event
	closed  bool
}

func newStream(w io.Writer, f form) *stream {
	s := &stream{w: w, form: f, done: make(chan struct{})}
	s.wake = sync.NewCond(&s.mu)
	go s.run()
	return s
}

// Emit queues e. An unread Progress of the same step that only counts is
// replaced by the next; a build's lines of output are all
// kept.
func (s *stream) Emit(e event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if e.Phase == event.Progress && e.Op != planner.OpBuild {
		for i := range s.pending {
			if s.pending[i].Step == e.Step && s.pending[i].Phase == event.Progress {
				s.pending[i] = e
				return
			}
		}
	}
	s.pending = append(s.pending, e)
	s.wake.Signal()
}

// Close lets the queue run empty, and ends.
func (s *stream) Close() error {
	s.mu.Lock()
	s.closed = true
	s.wake.Signal()
	s.mu.Unlock()
	<-s.done
	return s.err
}

func (s *stream) take() (events []event.Event, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.pending) == 0 && !s.closed {
		s.wake.Wait()
	}
	events, s.pending = s.pending, nil
	return events, s.closed
}

func (s *stream) run() {
	defer close(s.done)
	var b bytes.Buffer
	for {
		events, closed := s.take()
		for _, e := range events {
			s.form.event(&b, e)
		}
		if closed {
			s.form.end(&b)
		}
		if s.err == nil && b.Len() > 0 {
			_, s.err = s.w.Write(b.Bytes())
		}
		b.Reset()
		if closed {
			return
		}
	}
}

type jsonForm struct{}

func (jsonForm) event(b *bytes.Buffer, e event.Event) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	// An Event is made of strings, numbers and a time: the one way to fail is
	// a year beyond 9999.
	if err := enc.Encode(e); err != nil {
		e.Time = time.Time{}
		_ = enc.Encode(e)
	}
}

func (jsonForm) end(*bytes.Buffer) {}

type plainForm struct {
	Model
	started map[planner.StepID]time.Time
}

func (f *plainForm) event(b *bytes.Buffer, e event.Event) {
	f.Apply(e)
	if e.Phase == event.Progress {
		if e.Op == planner.OpBuild {
			fmt.Fprintf(b, "%s  | %s\n", f.name(e.Ref), Sanitize(e.Text))
		}
		return
	}
	fmt.Fprintf(b, "%s  %s", f.name(e.Ref), phaseWord(e))
	switch e.Phase {
	case event.Started:
		if f.started == nil {
			f.started = map[planner.StepID]time.Time{}
		}
		f.started[e.Step] = e.Time
	case event.Done, event.Failed:
		if t, ok := f.started[e.Step]; ok {
			fmt.Fprintf(b, "  %s", seconds(e.Time.Sub(t)))
		}
	case event.Skipped, event.Progress:
	}
	for _, s := range []string{e.Text, e.Err} {
		if s != "" {
			fmt.Fprintf(b, ": %s", firstLine(s))
		}
	}
	b.WriteByte('\n')
}

func (f *plainForm) end(b *bytes.Buffer) { b.WriteString(f.Summary()) }
