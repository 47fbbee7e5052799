package ctrd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types"
	tasktypes "github.com/containerd/containerd/api/types/task"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/containerd/errdefs"
	"github.com/containerd/typeurl/v2"

	"stackup.dev/stackup/internal/health"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// undoTimeout bounds the cleaning up after a start that failed.
const undoTimeout = 30 * time.Second

// Start gives a container a task: files, network, logs, then the process.
// Starting what runs is no error; a task that was made and never started, or
// that has exited, is replaced.
func (e *Engine) Start(ctx context.Context, id string) (err error) {
	ctx = e.ctx(ctx)
	lock, err := e.Dirs.LockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	rec, err := e.client.ContainerService().Get(ctx, id)
	if err != nil {
		return err
	}
	e.meet(rec)
	if err := e.clearHalfStarted(ctx, id); err != nil {
		return err
	}
	running, err := e.clearTask(ctx, id)
	if err != nil {
		return err
	}
	if err := e.desire(ctx, rec, labels.DesiredRunning); err != nil || running {
		return err
	}
	if err := e.startWithHooks(ctx, rec); err != nil {
		if errdefs.IsUnavailable(err) {
			return err
		}
		// Nobody else shall try what the command has just reported as failed.
		rec.Labels[labels.Desired] = labels.DesiredRunning
		return errors.Join(err, e.desire(context.WithoutCancel(ctx), rec, labels.DesiredStopped))
	}
	return nil
}

// startWithHooks counts as a start only if post_start has done its work.
func (e *Engine) startWithHooks(ctx context.Context, rec containers.Container) error {
	s, err := storedOf(rec)
	if err != nil {
		return err
	}
	if err := e.markHooks(rec.ID, len(s.Service.PostStart) > 0); err != nil {
		return err
	}
	if err := e.startOrUndo(ctx, rec, restart.Count{}); err != nil {
		return err
	}
	if len(s.Service.PostStart) == 0 {
		return nil
	}
	err = e.runHooks(ctx, rec.ID, "post_start", s.Service.PostStart)
	if err == nil {
		return e.markHooks(rec.ID, false)
	}
	if errdefs.IsUnavailable(err) {
		return err
	}
	return errors.Join(err, e.undoStart(ctx, rec.ID))
}

func (e *Engine) startOrUndo(ctx context.Context, rec containers.Container, restarts restart.Count) error {
	err := e.startTask(ctx, rec, restarts)
	if err == nil || errdefs.IsUnavailable(err) { // without an engine nothing can be undone; the next run does
		return err
	}
	return errors.Join(err, e.undoStart(ctx, rec.ID))
}

// Restart starts a container again whose task has exited, unless somebody
// wants it stopped, or it was restarted since the count was seen; next is the
// count to record. It says whether it did. For the supervisor.
func (e *Engine) Restart(ctx context.Context, id string, seen, next restart.Count) (did bool, err error) {
	return e.startAgain(ctx, id, seen, next, func(ctx context.Context, rec containers.Container) (bool, error) {
		running, err := e.clearTask(ctx, rec.ID)
		return !running, err
	})
}

// startAgain does that once makeRoom has cleared the way for a new task, which it says.
func (e *Engine) startAgain(ctx context.Context, id string, seen, next restart.Count, makeRoom func(context.Context, containers.Container) (bool, error)) (did bool, err error) {
	ctx = e.ctx(ctx)
	lock, err := e.Dirs.LockContainer(ctx, id)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	rec, err := e.client.ContainerService().Get(ctx, id)
	if errdefs.IsNotFound(err) || err == nil && rec.Labels[labels.Desired] != labels.DesiredRunning {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if last, err := e.readRun(id); err != nil || last.Restarts != seen {
		return false, err // the decision was about an earlier run
	}
	e.meet(rec)
	defer e.forget(id) // the supervisor meets many in its life
	if made, err := makeRoom(ctx, rec); err != nil || !made {
		return false, err
	}
	if err := e.startOrUndo(ctx, rec, next); err != nil {
		return true, err
	}
	e.Note(ctx, id, "restart", time.Now(), map[string]string{"restartCount": strconv.Itoa(next.Total)})
	return true, nil
}

// clearTask makes room for a new task; running says that one runs already.
func (e *Engine) clearTask(ctx context.Context, id string) (running bool, err error) {
	t, err := e.task(ctx, id)
	if err != nil || t == nil {
		return false, err
	}
	if s := taskState(t.Status); s == planner.TaskRunning || s == planner.TaskPaused {
		return true, nil
	}
	return false, e.killAndDelete(ctx, id)
}

// task is the container's task, or nil.
func (e *Engine) task(ctx context.Context, id string) (*tasktypes.Process, error) {
	r, err := e.client.TaskService().Get(ctx, &tasksapi.GetRequest{ContainerID: id})
	if err = native(err); err != nil {
		return nil, ignoreNotFound(err)
	}
	return r.Process, nil
}

// desire records what the last command wanted of the container.
func (e *Engine) desire(ctx context.Context, rec containers.Container, what string) error {
	if rec.Labels[labels.Desired] == what {
		return nil
	}
	up := containers.Container{ID: rec.ID, Labels: map[string]string{labels.Desired: what}}
	_, err := e.client.ContainerService().Update(ctx, up, "labels."+labels.Desired)
	return err
}

func (e *Engine) startTask(ctx context.Context, rec containers.Container, restarts restart.Count) error {
	return e.startWith(ctx, rec, restarts, nil, e.begin)
}

// begin starts the task that is made.
func (e *Engine) begin(ctx context.Context, rec containers.Container) error {
	at := time.Now() // it may have ended before the answer is here
	if _, err := e.client.TaskService().Start(ctx, &tasksapi.StartRequest{ContainerID: rec.ID}); err != nil {
		return fmt.Errorf("start task: %w", native(err))
	}
	e.Note(ctx, rec.ID, "start", at, nil)
	return nil
}

// startWith makes all that a container needs, and its task with the streams that
// open gives (nil: those that the logger drains); then begin starts the task.
func (e *Engine) startWith(ctx context.Context, rec containers.Container, restarts restart.Count, open func() (taskIO, error), begin func(context.Context, containers.Container) error) error {
	released := sync.OnceFunc(e.quick.hold())
	defer released()
	p, err := decodeEndpoint(rec.Labels[labels.Endpoint])
	if err != nil {
		return err
	}
	if err := loadAppArmor(); err != nil {
		return err
	}
	st, err := storedOf(rec)
	if err != nil {
		return err
	}
	if err := e.grantAgain(rec, &st.Service); err != nil {
		return err
	}
	e.wiring.await(rec.ID)
	p.Hosts, p.Links, p.Servers = extraHosts(&st.Service), links(&st.Service), servers(st.Service.DNS)
	if err := e.Network.Restore(ctx, p); err != nil {
		return err
	}
	if err := e.writeFiles(rec.ID, p, &st.Service); err != nil {
		return err
	}
	if err := errors.Join(e.linkOthers(ctx, rec, &st.Service), e.shareShm(rec.ID, &st.Service)); err != nil {
		return err
	}
	if err := e.attach(ctx, rec.ID, &st.Service); err != nil {
		return fmt.Errorf("attach network: %w", err)
	}
	if open == nil {
		open = func() (taskIO, error) { return e.prepareIO(rec.ID, &st.Service) }
	}
	io, err := open()
	if err != nil {
		return fmt.Errorf("logs: %w", err)
	}
	letGo := sync.OnceFunc(func() { _ = io.hold.Close() }) // FIFOs lose nothing by that
	defer letGo()
	if err := helped(ctx, e.Helpers, Helpers.Collect); err != nil {
		return err
	}
	if err := e.freshRun(rec.ID, st.Health, restarts); err != nil {
		return err
	}
	if err := e.useVolumes(ctx, rec); err != nil {
		return err
	}
	parts, err := e.holdFolders(rec)
	if err != nil {
		return err
	}
	defer parts.close()
	if err := e.lendRealtime(ctx, rec.ID, &st.Service); err != nil {
		return err
	}
	down, err := e.mountPassing(ctx, rec, &st)
	if err != nil {
		return err
	}
	if err := errors.Join(e.makeTask(ctx, rec, &st, io), down()); err != nil {
		return err
	}
	if err := parts.mounted(ctx, e, rec.ID); err != nil {
		return err
	}
	released()
	letGo()
	return begin(ctx, rec)
}

// grantAgain writes configs and secrets that a reboot has taken away.
func (e *Engine) grantAgain(rec containers.Container, s *spec.Service) error {
	if len(s.Files) == 0 {
		return nil
	}
	var o oci.Spec
	if err := typeurl.UnmarshalTo(rec.Spec, &o); err != nil {
		return err
	}
	return e.grant(rec.ID, s, o.Process.User)
}

func helped(ctx context.Context, h Helpers, how func(Helpers, context.Context) error) error {
	if h == nil {
		return nil
	}
	if err := how(h, ctx); err != nil {
		return fmt.Errorf("helpers: %w", err)
	}
	return nil
}

// freshRun forgets what was known of the run before.
func (e *Engine) freshRun(id string, h *spec.Healthcheck, restarts restart.Count) error {
	now := time.Now().UTC() // the same in both files: it says which run a verdict is of
	if h != nil && !h.Disable {
		if err := health.WriteFile(e.Dirs, id, health.NewStatus(now)); err != nil {
			return err
		}
	}
	return e.writeRun(id, now, restarts)
}

func (e *Engine) makeTask(ctx context.Context, rec containers.Container, s *stored, io taskIO) error {
	mounts, err := e.rootfs(ctx, rec, s)
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	req := &tasksapi.CreateTaskRequest{ContainerID: rec.ID, Stdin: io.stdin, Stdout: io.stdout, Stderr: io.stderr, Terminal: io.terminal}
	for _, m := range mounts {
		req.Rootfs = append(req.Rootfs, &types.Mount{Type: m.Type, Source: m.Source, Target: m.Target, Options: m.Options})
	}
	if err := e.createTask(ctx, rec, req); err != nil {
		return fmt.Errorf("create task: %w", err)
	}
	return nil
}

// undoStart takes a half-made task and its network away, even if ctx has ended.
func (e *Engine) undoStart(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	e.wiring.await(id)
	return errors.Join(e.killAndDelete(ctx, id), e.volumes.Release(ctx, id), e.Network.Detach(ctx, id))
}

// encodeEndpoint leaves out what the stored model has: labels are short.
func encodeEndpoint(p network.Endpoint) (string, error) {
	p.Hosts, p.Links, p.Servers = nil, nil, nil
	b, err := json.Marshal(p)
	return string(b), err
}

func decodeEndpoint(s string) (p network.Endpoint, err error) {
	if err := json.Unmarshal([]byte(s), &p); err != nil {
		return p, fmt.Errorf("the container's endpoint label is damaged: %w", err)
	}
	return p, nil
}
