package supervisor

import (
	"context"
	"time"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/planner"
)

// setRight gives a running container its probe, and brings one back that
// ended while nobody was looking.
func (s *Supervisor) setRight(c inspect.Container) {
	switch {
	case c.Task == planner.TaskRunning:
		s.probe(c)
	case c.Task == planner.TaskPaused: // a probe would hang with it
		s.probes.stop(c.ID)
	case c.Desired != labels.DesiredRunning:
		s.probes.stop(c.ID)
	case c.Task == planner.TaskStopped:
		s.bringBack(c.ID, c.ExitCode)
	case c.Task == planner.TaskOrphaned: // the start ends its processes first
		s.bringBack(c.ID, restart.LostCode)
	case c.Task == planner.TaskNone && !c.StartedAt.IsZero():
		s.bringBack(c.ID, restart.LostCode)
	case c.Lost:
		s.bringBack(c.ID, restart.LostCode)
	}
}

// bringBack starts a container again after the delay that its policy gives,
// and keeps trying if the start itself fails.
func (s *Supervisor) bringBack(id string, code int) {
	s.restarts.start(id, "", func(ctx context.Context) {
		var tried restart.Count
		for ctx.Err() == nil {
			c, found, err := s.Engine.InspectSettled(ctx, id)
			if err != nil || !found || c.Task == planner.TaskRunning || c.Task == planner.TaskPaused {
				return // the next sync sees it again, if there is need
			}
			if tried == (restart.Count{}) { // else it is the start that has failed
				code = c.EndedWith(code)
			}
			// A start that failed early has not been counted where Inspect reads.
			count := restart.Count{Total: max(tried.Total, c.Restarts.Total), Quick: max(tried.Quick, c.Restarts.Quick)}
			again, delay, next := restart.Decide(c.Service.Restart, code, c.Desired != labels.DesiredRunning, count, ranFor(c))
			if tried != (restart.Count{}) {
				next.Exit = tried.Exit // what was not started has not ended
			}
			if !again {
				s.keepExit(ctx, id)
				return
			}
			if c.Lost {
				s.awaitDependencies(ctx, c)
				delay = 0 // it has not failed
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
			code, tried = restart.LostCode, next
		}
	})
}

func (s *Supervisor) keepExit(ctx context.Context, id string) {
	if err := s.Engine.KeepExit(ctx, id); err != nil {
		s.Log.Warn("an exit code is not kept", "id", id, "err", err)
	}
}

func ranFor(c inspect.Container) time.Duration {
	if c.ExitedAt.IsZero() || c.StartedAt.IsZero() {
		return 0
	}
	return c.ExitedAt.Sub(c.StartedAt)
}

// recycle starts a container again that is unhealthy, whatever its policy says of
// ends. Its end is that of a job of its own: nothing of the probe is left by then.
func (s *Supervisor) recycle(c inspect.Container) {
	s.restarts.start(c.ID, "unhealthy", func(context.Context) {
		next := restart.Count{Total: c.Restarts.Total + 1, Quick: c.Restarts.Quick + 1, Exit: c.Restarts.Exit}
		if _, err := s.Engine.Recycle(s.restarts.ctx, c.ID, c.Restarts, next); err != nil {
			s.Log.Warn("start again what is unhealthy", "id", c.ID, "err", err)
		}
	})
}
