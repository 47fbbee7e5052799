package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/planner"
)

// remember notes what a service's containers have, or shall have, and gives all
// of it: a container that is made later gets it too.
func (l *Live) remember(service string, copies map[string]string) map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.copies == nil {
		l.copies, l.full = map[string]map[string]string{}, map[string]bool{}
	}
	if l.copies[service] == nil {
		l.copies[service] = map[string]string{}
	}
	maps.Copy(l.copies[service], copies)
	return maps.Clone(l.copies[service])
}

// copyTo brings what has changed into the containers that have all else, and all
// into those that are new.
func (l *Live) copyTo(ctx context.Context, service string, changed, all map[string]string) (notes []string, err error) {
	list, err := l.replicas(ctx, service)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			l.Changed() // it may be that one has gone
		}
	}()
	var mu sync.Mutex
	err = each(list, func(c inspect.Container) error {
		files, full := changed, l.isFull(c.ID)
		if !full {
			files = all
		}
		if len(files) == 0 {
			return nil
		}
		said, err := l.App.Engine.Mirror(ctx, c.ID, files, !full)
		mu.Lock()
		notes = append(notes, said...)
		mu.Unlock()
		l.setFull(c.ID, err == nil)
		return err
	})
	return notes, err
}

// replicas are a service's containers, as they were when the engine last told of
// a change: one that has been replaced since is told soon, and its successor gets
// all copies then.
func (l *Live) replicas(ctx context.Context, service string) ([]inspect.Container, error) {
	l.mu.Lock()
	list, known := l.lists[service]
	now := l.changes
	l.mu.Unlock()
	if known {
		return list, nil
	}
	list, err := l.App.copied(ctx, l.Stack().Name, Copying{Service: service})
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.attentive && now == l.changes {
		if l.lists == nil {
			l.lists = map[string][]inspect.Container{}
		}
		l.lists[service] = list
	}
	return list, nil
}

// Changed says that the containers are not as they were.
func (l *Live) Changed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lists = nil
	l.changes++
}

// attend says whether somebody listens to the engine, and calls Changed.
func (l *Live) attend(is bool) {
	l.mu.Lock()
	l.attentive = is
	l.mu.Unlock()
	l.Changed()
}

func (l *Live) isFull(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.full[id]
}

// setFull notes that a container has all copies; one in which some have failed
// gets all of them the next time.
func (l *Live) setFull(id string, full bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.full[id] = full
}

// Lacking names the services that have a container which lacks copies.
func (l *Live) Lacking(ctx context.Context) (out []string, err error) {
	l.mu.Lock()
	copies := maps.Clone(l.copies)
	l.mu.Unlock()
	list, err := l.App.Engine.List(ctx, l.Stack().Name)
	if err != nil {
		return nil, err
	}
	lacks := map[string]bool{}
	for _, c := range list {
		if len(copies[c.Ref.Name]) > 0 && !c.Partial && c.Ref.Index != planner.OneOff && !l.isFull(c.ID) {
			lacks[c.Ref.Name] = true
		}
	}
	for name := range lacks {
		out = append(out, name)
	}
	return out, nil
}

// each calls do for all containers beside one another.
func each(list []inspect.Container, do func(inspect.Container) error) error {
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for i, c := range list {
		wg.Go(func() {
			if err := do(c); err != nil {
				errs[i] = fmt.Errorf("%s: %w", c.Name, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
