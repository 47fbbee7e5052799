package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
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
		files, full := changed, l.isFull(c)
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
		l.setFull(c, err == nil)
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

func (l *Live) isFull(c inspect.Container) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.full[filled(c)]
}

// filled names what can hold copies: a container, or one run of it where it has
// file systems in memory, which are empty with each.
func filled(c inspect.Container) string {
	if !slices.ContainsFunc(c.Service.Mounts, func(m spec.Mount) bool { return m.Type == spec.MountTmpfs }) {
		return c.ID
	}
	return c.ID + " " + c.StartedAt.Format(time.RFC3339Nano)
}

// setFull notes that a container has all copies; one in which some have failed
// gets all of them the next time.
func (l *Live) setFull(c inspect.Container, full bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.full[filled(c)] = full
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
		if len(copies[c.Ref.Name]) > 0 && !c.Partial && c.Ref.Index != planner.OneOff && !l.isFull(c) {
			lacks[c.Ref.Name] = true
		}
	}
	for name := range lacks {
		out = append(out, name)
	}
	return out, nil
}

// atOnce bounds the containers that files are copied into at a time.
const atOnce = 16

// each calls do for all containers, some beside one another.
func each(list []inspect.Container, do func(inspect.Container) error) error {
	errs := make([]error, len(list))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, c := range list {
		group.Go(func() error {
			if err := do(c); err != nil {
				errs[i] = fmt.Errorf("%s: %w", c.Name, err)
			}
			return nil
		})
	}
	_ = group.Wait() // all errors are in errs
	return errors.Join(errs...)
}
