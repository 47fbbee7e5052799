package app

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// Live is a running stack that is kept as its files are. Apply and Do may be
// called from many goroutines, Do for one service at a time.
type Live struct {
	App *App
	// Read gives the stack as its files are now.
	Read func(context.Context) (*spec.Stack, error)
	// Consent, if not nil, may refuse a plan by an error: ErrNotDone for a no.
	Consent func(*planner.Plan) error
	// Tell is told all that was done. It returns at once.
	Tell func(event.Action)
	// Only are the services to bring up, with what they depend on; nil for all.
	Only []string

	gate   sync.RWMutex // an Apply is alone; several Do go on at once
	mu     sync.Mutex
	stack  *spec.Stack
	copies map[string]map[string]string // by service: paths here, by their targets
	full   map[string]bool              // containers that have all copies

	failures map[string]string // by service: what failed when it was last worked for

	attentive bool                           // the engine's changes are listened to
	changes   int                            // counts them
	lists     map[string][]inspect.Container // by service, as long as none has come
}

// ErrNotDone says that somebody was asked, and said no.
var ErrNotDone = errors.New("not done")

// Stack is the one that was applied last; nil before the first.
func (l *Live) Stack() *spec.Stack {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stack
}

// Apply brings about what the stack files say now. changed are the files that
// were saved, since the time of the first save. A stack that cannot be read or
// planned changes nothing.
func (l *Live) Apply(ctx context.Context, changed []string, since time.Time) error {
	l.gate.Lock()
	defer l.gate.Unlock()
	s, err := l.Read(ctx)
	var p *planner.Plan
	if err == nil {
		p, err = l.App.Carry(ctx, s, planner.Options{Only: l.Only}, l.Consent)
	}
	if p != nil && !errors.Is(err, ErrNotDone) { // what was begun counts: the next Apply finds what is there
		l.Adopt(s)
	}
	l.tellApplied(p, changed, since, err)
	return err
}

// Adopt takes a stack as applied that runs already.
func (l *Live) Adopt(s *spec.Stack) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stack = s
}

// tellApplied tells a plan that came from saved files.
func (l *Live) tellApplied(p *planner.Plan, changed []string, since time.Time, err error) {
	a := event.Action{Deeds: []event.Deed{event.Applied}, Changed: changed}
	if p != nil {
		a.Steps, a.Notes = essence(p), p.Notices
	}
	for _, s := range a.Steps {
		if s.Ref.Kind == planner.KindContainer && !slices.Contains(a.Services, s.Ref.Name) {
			a.Services = append(a.Services, s.Ref.Name)
		}
	}
	l.tell(a, since, err)
}

func (l *Live) tell(a event.Action, since time.Time, err error) {
	a.Time = time.Now()
	a.Took = a.Time.Sub(since)
	if err != nil {
		a.Err = err.Error()
	}
	l.Tell(a)
}

// essence is one step for each thing that a plan changes: the first that says
// why, which is what a user wants to know.
func essence(p *planner.Plan) (out []planner.Step) {
	for _, s := range p.Steps {
		i := slices.IndexFunc(out, func(o planner.Step) bool { return o.Ref == s.Ref })
		switch {
		case i < 0:
			out = append(out, s)
		case weight(s) > weight(out[i]):
			out[i] = s
		}
	}
	return out
}

// weight prefers what names fields, then what makes or takes away.
func weight(s planner.Step) int {
	switch {
	case len(s.Reason.Fields) > 0:
		return 3
	case s.Op == planner.OpCreate || s.Op == planner.OpUpdate:
		return 2
	case s.Op == planner.OpRemove || s.Op == planner.OpStart || s.Op == planner.OpBuild:
		return 1
	}
	return 0
}
