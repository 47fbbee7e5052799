package ctrd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/errdefs"

	"stackup.dev/stackup/internal/health"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// restartPoll is how often a container that is about to be restarted is looked at.
const restartPoll = 50 * time.Millisecond

// Wait returns when the condition holds, or can no longer hold.
func (e *Engine) Wait(ctx context.Context, id string, until spec.Condition) error {
	ctx = e.ctx(ctx)
	switch until {
	case spec.Started:
		return e.waitStarted(ctx, id)
	case spec.Completed:
		return e.waitCompleted(ctx, id)
	case spec.Healthy:
		return e.waitHealthy(ctx, id)
	}
	return fmt.Errorf("unknown condition %q", until)
}

// waitStarted holds for a task that runs, or that has done its work.
func (e *Engine) waitStarted(ctx context.Context, id string) error {
	t, err := e.task(ctx, id)
	if err != nil {
		return err
	}
	if t == nil {
		return errors.New("it has no task")
	}
	if taskState(t.Status) == planner.TaskStopped && t.ExitStatus != 0 {
		return fmt.Errorf("exited (%d)", t.ExitStatus)
	}
	return nil
}

// waitCompleted holds once the task has exited with 0, also if its policy
// starts it again.
func (e *Engine) waitCompleted(ctx context.Context, id string) error {
	for {
		code, again, err := e.exit(ctx, id)
		switch {
		case err != nil:
			return err
		case code == 0:
			return nil
		case !again:
			return fmt.Errorf("exited (%d)", code)
		}
		if err := e.awaitNewTask(ctx, id); err != nil {
			return err
		}
	}
}

// waitHealthy follows the verdicts of the supervisor's probes. An unhealthy
// container, and one that exits for good, will not get healthy.
func (e *Engine) waitHealthy(ctx context.Context, id string) error {
	rec, err := e.client.ContainerService().Get(ctx, id)
	if err != nil {
		return err
	}
	s, err := storedOf(rec)
	if err != nil {
		return err
	}
	if s.Health == nil || s.Health.Disable {
		return errors.New("it has no healthcheck, neither in the file nor in its image")
	}
	if err := helped(ctx, e.Helpers, Helpers.Ensure); err != nil { // without a supervisor nobody probes
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { cancel(e.waitGone(ctx, id)) }()
	return e.followHealth(ctx, id)
}

func (e *Engine) followHealth(ctx context.Context, id string) error {
	for v := range health.Watch(ctx, e.Dirs, id) {
		switch v.Health {
		case health.Healthy:
			return nil
		case health.Unhealthy:
			return fmt.Errorf("unhealthy: %s", lastWord(v))
		case health.Starting:
		}
	}
	return context.Cause(ctx)
}

// lastWord is what the last probe had to say.
func lastWord(s health.Status) string {
	if len(s.Results) == 0 {
		return "no result"
	}
	r := s.Results[len(s.Results)-1]
	if out := strings.TrimSpace(r.Output); out != "" {
		return out
	}
	return fmt.Sprintf("the probe exited with %d", r.Exit)
}

// waitGone returns once the task has exited and nobody will start it again.
func (e *Engine) waitGone(ctx context.Context, id string) error {
	for {
		code, again, err := e.exit(ctx, id)
		if err != nil {
			return err
		}
		if !again {
			return fmt.Errorf("exited (%d) before it was healthy", code)
		}
		if err := e.awaitNewTask(ctx, id); err != nil {
			return err
		}
	}
}

// exit waits for the task's exit, and says whether the restart policy brings
// the container back.
func (e *Engine) exit(ctx context.Context, id string) (code int, again bool, err error) {
	for {
		r, err := e.client.TaskService().Wait(ctx, &tasksapi.WaitRequest{ContainerID: id})
		err = native(err)
		if err == nil {
			again, err := e.restartsAfter(ctx, id, int(r.ExitStatus))
			return int(r.ExitStatus), again, err
		}
		if !errdefs.IsNotFound(err) {
			return 0, false, err
		}
		c, found, err := e.InspectSettled(ctx, id)
		switch {
		case err != nil:
			return 0, false, err
		case !found:
			return 0, false, errRemoved
		case !c.Task.Runs():
			return lastExit(c, restart.LostCode)
		case c.Task == planner.TaskOrphaned:
			if _, again, err := lastExit(c, restart.LostCode); err != nil || !again {
				return 0, false, errors.Join(err, errOrphaned)
			}
		}
		select { // it is a later run, or will be
		case <-ctx.Done():
			return 0, false, context.Cause(ctx)
		case <-time.After(restartPoll):
		}
	}
}

// restartsAfter says whether the restart policy brings the container back.
func (e *Engine) restartsAfter(ctx context.Context, id string, code int) (bool, error) {
	rec, err := e.client.ContainerService().Get(ctx, id)
	if err != nil {
		return false, err
	}
	s, err := storedOf(rec)
	if err != nil {
		return false, err
	}
	last, err := e.readRun(id)
	if err != nil {
		return false, err
	}
	again, _, _ := restart.Decide(s.Service.Restart, code, false, last.Restarts, time.Since(last.Started))
	return again, nil
}

// awaitNewTask returns when the supervisor has started the container again.
func (e *Engine) awaitNewTask(ctx context.Context, id string) error {
	tick := time.NewTicker(restartPoll)
	defer tick.Stop()
	for {
		t, err := e.task(ctx, id)
		if err != nil {
			return err
		}
		if t != nil && taskState(t.Status) == planner.TaskRunning {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
