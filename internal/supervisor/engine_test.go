package supervisor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stackup.dev/stackup/internal/chronicle"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/planner"
)

func (w *world) List(context.Context, string) ([]inspect.Container, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lists++
	if w.down {
		return nil, errDown
	}
	var out []inspect.Container
	for _, c := range w.boxes {
		out = append(out, *c)
	}
	return out, nil
}

func (w *world) Inspect(_ context.Context, id string) (inspect.Container, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.boxes[id]
	if w.down || !ok {
		return inspect.Container{}, false, w.fault()
	}
	return *c, true, nil
}

func (w *world) fault() error {
	if w.down {
		return errDown
	}
	return nil
}

// Restart starts what does not run and is wanted, as the real engine does.
func (w *world) Restart(ctx context.Context, id string, seen, n restart.Count) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	did, err := w.restart(id, seen, n)
	if did && w.started != nil {
		w.started(id)
	}
	return did, err
}

// Recycle notes that it was asked for, as a try of "recycle ID".
func (w *world) Recycle(_ context.Context, id string, _, n restart.Count) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tries["recycle "+id] = append(w.tries["recycle "+id], try{time.Since(w.begin), n, true})
	return true, nil
}

func (w *world) restart(id string, seen, n restart.Count) (did bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.boxes[id]
	if !ok {
		return false, w.fault()
	}
	defer func() { w.tries[id] = append(w.tries[id], try{time.Since(w.begin), n, did}) }()
	switch {
	case w.down:
		return false, errDown
	case w.fail > 0:
		w.fail--
		return false, errors.New("no more addresses")
	case c.Desired != labels.DesiredRunning || c.Task == planner.TaskRunning || c.Restarts != seen:
		return false, nil
	}
	c.Task, c.StartedAt, c.ExitedAt, c.Restarts = planner.TaskRunning, time.Now().UTC(), time.Time{}, n
	w.tell(inspect.Change{ID: id})
	return true, nil
}

func (w *world) InspectSettled(ctx context.Context, id string) (inspect.Container, bool, error) {
	return w.Inspect(ctx, id)
}

// KeepExit notes who has ended for good.
func (w *world) KeepExit(_ context.Context, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = append(w.kept, id)
	return nil
}

// AwaitOrphan notes who is waited for while the engine is away.
func (w *world) AwaitOrphan(ctx context.Context, _, id string) error {
	w.mu.Lock()
	w.orphans = append(w.orphans, id)
	w.mu.Unlock()
	<-ctx.Done()
	return context.Cause(ctx)
}

func (w *world) Exec(_ context.Context, _ string, p inspect.Process) (int, error) {
	w.mu.Lock()
	w.argvs[p.Args[0]] = append(w.argvs[p.Args[0]], time.Since(w.begin))
	exec := w.exec
	w.mu.Unlock() // one that takes its time holds up nobody
	if exec == nil {
		return 0, nil
	}
	return exec(p), nil
}

func (w *world) Watch(context.Context) (<-chan any, <-chan error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events, w.errs = make(chan any, 1000), make(chan error, 1)
	if w.down {
		w.errs <- errDown
	}
	return w.events, w.errs
}

func (w *world) Note(_ context.Context, id, action string, _ time.Time, _ map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes = append(w.notes, action+" "+id)
}

func (w *world) RanOutOfMemory(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.starved[id]
}

// NoteEnd writes into the real record too, which the next supervisor reads.
func (w *world) NoteEnd(_ context.Context, id string, code int, at time.Time, noMemory bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := fmt.Sprintf("die %s %d", id, code)
	if noMemory {
		text += " oom"
	}
	w.notes = append(w.notes, text)
	e := chronicle.Entry{Time: at, Type: chronicle.Container, ID: id, Action: chronicle.Die}
	if err := (chronicle.Book{Path: w.dirs.Events()}).Note(e); err != nil {
		w.t.Error(err)
	}
}
