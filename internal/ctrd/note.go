package ctrd

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/containers"

	"stackup.dev/stackup/internal/cgroup"
	"stackup.dev/stackup/internal/chronicle"
	"stackup.dev/stackup/internal/labels"
)

// met are the containers that this process has had to do with: what all notes of
// one have in common, by ID.
type met struct {
	mu   sync.Mutex
	byID map[string]chronicle.Entry
}

// entryOf is what all notes of a container have in common.
func entryOf(r containers.Container) chronicle.Entry {
	return chronicle.Entry{
		Type: chronicle.Container, ID: r.ID, Stack: r.Labels[labels.Stack], Service: r.Labels[labels.Service],
		Attributes: map[string]string{"image": r.Image, "name": firstOf(r.Labels[labels.Name], r.ID)},
	}
}

// meet remembers a container until forget is called.
func (e *Engine) meet(r containers.Container) {
	e.met.mu.Lock()
	defer e.met.mu.Unlock()
	if e.met.byID == nil {
		e.met.byID = map[string]chronicle.Entry{}
	}
	e.met.byID[r.ID] = entryOf(r)
}

func (e *Engine) forget(id string) {
	e.met.mu.Lock()
	defer e.met.mu.Unlock()
	delete(e.met.byID, id)
}

// who is a container that was met, or else is asked for.
func (e *Engine) who(ctx context.Context, id string) (chronicle.Entry, bool) {
	e.met.mu.Lock()
	x, ok := e.met.byID[id]
	e.met.mu.Unlock()
	if ok {
		return x, true
	}
	r, err := e.client.ContainerService().Get(e.ctx(ctx), id)
	return entryOf(r), err == nil
}

// Note notes what has happened to a container, in docker's words; of one that has
// gone, and that nobody here has met, there is nothing to note.
func (e *Engine) Note(ctx context.Context, id, action string, at time.Time, more map[string]string) {
	x, ok := e.who(ctx, id)
	if !ok {
		return
	}
	x.Action, x.Time = action, at
	x.Attributes = maps.Clone(x.Attributes)
	maps.Copy(x.Attributes, more)
	e.note(x)
}

// NoteEnd notes that the process of a container has ended, at that very time:
// whoever else notes it notes the same.
func (e *Engine) NoteEnd(ctx context.Context, id string, code int, at time.Time, noMemory bool) {
	if last, err := e.readRun(id); err == nil && last.Exit != nil && at.After(last.Exit.At) {
		return // an engine that starts makes up an end of what had ended before
	}
	more := map[string]string{"exitCode": strconv.Itoa(code)}
	if noMemory {
		more["oomKilled"] = "true"
	}
	e.Note(ctx, id, chronicle.Die, at, more)
}

// RanOutOfMemory reports whether a process of the container was ended for lack of memory,
// as its control group remembers for as long as the container has a task. containerd
// tells of it once, and to nobody who listens too late.
func (e *Engine) RanOutOfMemory(id string) bool {
	p, err := e.places()
	if err != nil {
		e.Log.Debug("where control groups are", "err", err)
		return false
	}
	return slices.ContainsFunc(e.groupsOf(p, id), cgroup.Group.RanOutOfMemory)
}

// noteImage leaves passing names out: nobody has given or will see them.
func (e *Engine) noteImage(action, ref string) {
	if strings.HasPrefix(ref, passingName) {
		return
	}
	e.note(chronicle.Entry{Type: chronicle.Image, Action: action, ID: ref, Time: time.Now(), Attributes: map[string]string{"name": ref}})
}

func (e *Engine) noteNetwork(stack, name, action, container string) {
	a := map[string]string{"name": name}
	if container != "" {
		a["container"] = container
	}
	e.note(chronicle.Entry{Type: chronicle.Network, Action: action, ID: name, Stack: stack, Time: time.Now(), Attributes: a})
}

func (e *Engine) noteVolume(stack, name, action string) {
	e.note(chronicle.Entry{Type: chronicle.Volume, Action: action, ID: name, Stack: stack, Time: time.Now(), Attributes: map[string]string{"name": name}})
}

func (e *Engine) note(x chronicle.Entry) {
	if err := (chronicle.Book{Path: e.Dirs.Events()}).Note(x); err != nil {
		e.Log.Warn("what has happened is not noted", "id", x.ID, "action", x.Action, "err", err)
	}
}
