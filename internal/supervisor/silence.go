package supervisor

import (
	"context"
	"errors"
	"time"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/planner"
)

// reprieve is how long one that has ended keeps its names: most often whoever
// stops it takes them, and is spared our being in the way.
const reprieve = 200 * time.Millisecond

// hush looks whose names are not as they should be: those of containers that
// have ended, or are unhealthy, lead nowhere.
func (s *Supervisor) hush(all []inspect.Container) {
	if s.Endpoints == nil {
		return
	}
	silent, err := s.Endpoints.Silent()
	if err != nil {
		s.Log.Warn("names of containers", "err", err)
	}
	for _, c := range all {
		is, up := silent[c.ID]
		if want := shallBeSilent(c); up && is != want {
			s.setSilence(c.ID, c.StartedAt.String()+string(c.Task)+string(c.Health))
		}
	}
}

func shallBeSilent(c inspect.Container) bool {
	running := c.Task == planner.TaskRunning || c.Task == planner.TaskPaused
	return !running || c.Health == planner.HealthUnhealthy
}

// setSilence takes a container's names, or gives them back, by what it is then.
// The lock keeps it from silencing one that is just being started again. The
// key says what it has come to.
func (s *Supervisor) setSilence(id, key string) {
	if s.Endpoints == nil {
		return
	}
	s.silences.start(id, key, func(ctx context.Context) {
		if err := s.settleSilence(ctx, id); err != nil && ctx.Err() == nil {
			s.Log.Warn("names of a container", "id", id, "err", err)
		}
	})
}

func (s *Supervisor) settleSilence(ctx context.Context, id string) error {
	pause(ctx, reprieve)
	all, err := s.Endpoints.Silent()
	if _, up := all[id]; err != nil || !up {
		return err
	}
	lock, err := s.Dirs.ShareContainer(ctx, id)
	if err != nil {
		return err
	}
	c, found, err := s.Engine.Inspect(ctx, id)
	if err == nil && found {
		err = s.Endpoints.SetSilent(ctx, id, shallBeSilent(c))
	}
	return errors.Join(err, lock.Unlock())
}
