package ctrd

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	tasktypes "github.com/containerd/containerd/api/types/task"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/errdefs"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/planner"
)

// List gives the containers of a stack, or of all for an empty name, sorted
// by stack, service, replica and generation. Three calls, however many there are.
func (e *Engine) List(ctx context.Context, stack string) ([]inspect.Container, error) {
	ctx = e.ctx(ctx)
	recs, err := e.containers(ctx, stack)
	if err != nil {
		return nil, err
	}
	tasks, err := e.tasks(ctx)
	if err != nil {
		return nil, err
	}
	ends, err := e.endpoints()
	if err != nil {
		return nil, err
	}
	p, err := e.places()
	if err != nil {
		return nil, err
	}
	asked := shims{}
	defer asked.close()
	var out []inspect.Container
	for _, r := range recs {
		c, err := e.inspect(ctx, asked, r, e.look(ctx, p, r.ID, tasks[r.ID], false), ends[r.ID])
		if err != nil { // one that is damaged must not hide the others
			e.Log.Warn("a container that cannot be read", "id", r.ID, "err", err)
			continue
		}
		if !e.noteStart(&c) && ofUnknownEnd(c) { // it may have started between two looks
			if again, found, err := e.inspectOne(ctx, r.ID, false); err == nil && found {
				c = again
				e.noteStart(&c)
			}
		}
		out = append(out, c)
	}
	slices.SortFunc(out, compare)
	return out, nil
}

// noteStart tells a start from a run of which nobody knows how it ended: both have a
// beginning, no task and no end, but a start holds the container's lock.
func (e *Engine) noteStart(c *inspect.Container) (starts bool) {
	starts = ofUnknownEnd(*c) && e.Dirs.ContainerBusy(c.ID)
	if starts {
		c.Starting, c.ExitCode = true, c.Restarts.Exit
	}
	return starts
}

func ofUnknownEnd(c inspect.Container) bool {
	return c.Task == planner.TaskNone && !c.StartedAt.IsZero() && c.ExitedAt.IsZero()
}

func compare(a, b inspect.Container) int {
	if c := strings.Compare(a.Stack, b.Stack); c != 0 {
		return c
	}
	if c := strings.Compare(a.Ref.Name, b.Ref.Name); c != 0 {
		return c
	}
	if a.Ref.Index != b.Ref.Index {
		return a.Ref.Index - b.Ref.Index
	}
	return a.Generation - b.Generation
}

func (e *Engine) endpoints() (map[string]network.Endpoint, error) {
	all, err := e.Network.Endpoints()
	out := map[string]network.Endpoint{}
	for _, p := range all {
		out[p.ID] = p
	}
	return out, err
}

// seenTask is a container's task as containerd tells of it, or what there is without.
type seenTask struct {
	*tasktypes.Process
	without planner.TaskState // if Process is nil
}

// look looks once more where containerd's list of tasks has none. A container that has
// processes, and of which containerd does not answer, is taken for running.
func (e *Engine) look(ctx context.Context, p places, id string, listed *tasktypes.Process, held bool) seenTask {
	if listed != nil {
		return seenTask{Process: listed}
	}
	look := e.missing
	if !held {
		look = e.triedMissing
	}
	t, orphaned, err := look(ctx, p, id)
	switch {
	case err != nil:
		e.Log.Warn("containerd does not tell of a task", "id", id, "err", err)
		return seenTask{without: planner.TaskRunning}
	case orphaned:
		return seenTask{without: planner.TaskOrphaned}
	}
	return seenTask{Process: t, without: planner.TaskNone}
}

// inspect puts together what is known of a container.
func (e *Engine) inspect(ctx context.Context, asked shims, r containers.Container, seen seenTask, p network.Endpoint) (inspect.Container, error) {
	t := seen.Process
	o, s, err := e.observed(r, t)
	if err != nil {
		return inspect.Container{}, err
	}
	if t == nil {
		o.Task = seen.without
	}
	c := inspect.Container{
		Container: o, Stack: r.Labels[labels.Stack], Dir: r.Labels[labels.Dir], Image: r.Image, Created: r.CreatedAt,
		Desired: r.Labels[labels.Desired], Files: r.Labels[labels.ConfigFiles], Probe: s.Health, Labels: map[string]string{},
	}
	for _, l := range s.Service.Labels {
		c.Labels[l.Name] = l.Value
	}
	c.Args = args(r)
	if t != nil {
		c.PID = int(t.Pid)
		if t.Status == tasktypes.Status_STOPPED && t.ExitedAt != nil {
			c.ExitedAt = t.ExitedAt.AsTime()
		}
	}
	if p.Up {
		c.Ports, c.Addresses = p.Ports, addresses(p)
	}
	last, err := e.readRun(r.ID)
	c.StartedAt, c.Restarts = last.Started, last.Restarts
	c.Lost = t == nil && last.Started.IsZero() && e.hasRun(r.ID)
	if err == nil && t == nil && !last.Started.IsZero() && !o.Task.Runs() {
		if last.Exit == nil {
			last.Exit = e.toldByShim(ctx, asked, c.Stack, r.ID, last.Started)
		}
		if c.ExitCode = restart.LostCode; last.Exit != nil { // else nobody knows how it ended
			c.ExitCode, c.ExitedAt = last.Exit.Code, last.Exit.At
		}
	}
	return c, err
}

// hasRun says whether a container was ever started: its log outlives the machine's
// end, which what is known of its run does not.
func (e *Engine) hasRun(id string) bool {
	_, err := os.Stat(filepath.Join(e.Dirs.Logs(), id))
	return err == nil
}

// args reads nothing but the command out of the OCI spec, which is large.
func args(r containers.Container) []string {
	var s struct {
		Process struct {
			Args []string `json:"args"`
		} `json:"process"`
	}
	if r.Spec == nil || json.Unmarshal(r.Spec.GetValue(), &s) != nil {
		return nil
	}
	return s.Process.Args
}

// Inspect gives one container; found is false if there is none of that ID.
func (e *Engine) Inspect(ctx context.Context, id string) (_ inspect.Container, found bool, err error) {
	return e.inspectOne(ctx, id, false)
}

// inspectOne does that; held says that the caller has the container's lock.
func (e *Engine) inspectOne(ctx context.Context, id string, held bool) (_ inspect.Container, found bool, err error) {
	ctx = e.ctx(ctx)
	r, err := e.client.ContainerService().Get(ctx, id)
	if errdefs.IsNotFound(err) {
		return inspect.Container{}, false, nil
	}
	if err != nil {
		return inspect.Container{}, false, err
	}
	t, err := e.task(ctx, id)
	if err != nil {
		return inspect.Container{}, false, err
	}
	ends, err := e.endpoints()
	if err != nil {
		return inspect.Container{}, false, err
	}
	p, err := e.places()
	if err != nil {
		return inspect.Container{}, false, err
	}
	asked := shims{}
	defer asked.close()
	c, err := e.inspect(ctx, asked, r, e.look(ctx, p, id, t, held), ends[id])
	return c, err == nil, err
}
