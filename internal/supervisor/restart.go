package supervisor

import (
	"context"
	"time"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/planner"
)

// lostCode stands for the exit code of a task that vanished with its shim.
const lostCode = 255

// setRight gives a running container its probe, and brings one back that
// ended while nobody was looking.
func (s *Supervisor) setRight(c inspect.Container) {
	switch {
	case c.Task == planner.TaskRunning:
		s.probe(c)
	case c.Desired != labels.DesiredRunning:
		s.probes.stop(c.ID)
	case c.Task == planner.TaskStopped:
		s.bringBack(c.ID, c.ExitCode)
	case c.Task == planner.TaskNone && !c.StartedAt.IsZero():
		s.bringBack(c.ID, lostCode)
	}
}

// bringBack starts a container again after the delay that its policy gives,
// and keeps trying if the start itself fails.
func (s *Supervisor) bringBack(id string, code int) {
	s.restarts.start(id, "", func(ctx context.Context) {
		var tried restart.Count
		for ctx.Err() == nil {
			c, found, err := s.Engine.Inspect(ctx, id)
			if err != nil || !found || c.Task == planner.TaskRunning || c.Task == planner.TaskPaused {
				return // the next sync sees it again, if there is need
			}
			// A start that failed early has not been counted where Inspect reads.
			count := restart.Count{Total: max(tried.Total, c.Restarts.Total), Quick: max(tried.Quick, c.Restarts.Quick)}
			again, delay, next := restart.Decide(c.Service.Restart, code, c.Desired != labels.DesiredRunning, count, ranFor(c))
			if !again {
				return
			}
			if pause(ctx, delay); ctx.Err() != nil {
				return
			}
			// Not under ctx: a job that a later exit supersedes shall not undo
			// the very start whose exit that was.
			if _, err = s.Engine.Restart(s.restarts.ctx, id, c.Restarts, next); err == nil {
				return
			}
			s.Log.Warn("restart", "id", id, "err", err)
			code, tried = lostCode, next
		}
	})
}

func ranFor(c inspect.Container) time.Duration {
	if c.ExitedAt.IsZero() || c.StartedAt.IsZero() {
		return 0
	}
	return c.ExitedAt.Sub(c.StartedAt)
}
