package supervisor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sync/semaphore"

	"stackup.dev/stackup/internal/health"
	"stackup.dev/stackup/internal/inspect"
)

// probe sees to it that a running container is probed, if it has a
// healthcheck: one loop for each run of it, and a new one when an update
// changes the healthcheck.
func (s *Supervisor) probe(c inspect.Container) {
	by := s.proberOf(c)
	if by == nil {
		s.probes.stop(c.ID) // an update may have taken it away
		return
	}
	key := c.StartedAt.Format(time.RFC3339Nano) + fmt.Sprint(*c.Probe)
	s.probes.start(c.ID, key, func(ctx context.Context) {
		loop := health.Loop{
			Prober: by,
			Config: health.ConfigOf(*c.Probe),
			Publish: func(st health.Status, changed bool) {
				if err := s.publish(ctx, c.ID, st); err != nil && ctx.Err() == nil {
					s.Log.Warn("write health", "id", c.ID, "err", err)
				}
				if changed && st.Health == health.Unhealthy && c.Service.Restart.Unhealthy {
					s.recycle(c)
				}
				if changed && st.Health != health.Starting {
					s.Engine.Note(ctx, c.ID, "health_status: "+string(st.Health), time.Now(), nil)
				}
				if changed {
					s.setSilence(c.ID, key+string(st.Health))
				}
			},
		}
		loop.Run(ctx, s.lastStatus(c))
	})
}

// publish writes the word on a container that is still there. The lock keeps
// it from writing into a folder that is just being removed, and over the word
// on a later run.
func (s *Supervisor) publish(ctx context.Context, id string, st health.Status) error {
	lock, err := s.Dirs.ShareContainer(ctx, id)
	if err != nil {
		return err
	}
	last, err := health.ReadFile(s.Dirs, id)
	if err == nil && last.Started.After(st.Started) {
		return lock.Unlock()
	}
	if _, err := os.Stat(s.Dirs.Container(id)); err == nil && ctx.Err() == nil {
		return errors.Join(health.WriteFile(s.Dirs, id, st), lock.Unlock())
	}
	return lock.Unlock()
}

// lastStatus is what an earlier supervisor left of this run, or a fresh start.
func (s *Supervisor) lastStatus(c inspect.Container) health.Status {
	st, err := health.ReadFile(s.Dirs, c.ID)
	if err != nil || st.Started.Before(c.StartedAt) {
		return health.NewStatus(c.StartedAt)
	}
	return st
}

// command is the test in executable form (Compose Specification, "healthcheck").
func command(test []string) []string {
	if len(test) == 0 {
		return nil
	}
	switch test[0] {
	case "NONE":
		return nil
	case "CMD":
		return test[1:]
	case "CMD-SHELL":
		return append([]string{"/bin/sh", "-c"}, test[1:]...)
	default:
		return test
	}
}

// probeStarts is how many processes are started for probes at once, for each
// processor of the machine: a start is work of tens of milliseconds, and what is
// begun all at once takes the machine from those whom it is to serve.
const probeStarts = 2

// prober runs a test inside its container.
type prober struct {
	engine Engine
	id     string
	argv   []string
	starts *semaphore.Weighted
}

// Await waits for the turn to start a process.
func (p prober) Await(ctx context.Context) error { return p.starts.Acquire(ctx, 1) }

// Probe implements health.Prober. It follows an Await. What an engine that is away, or
// does not answer, leads to is no result.
func (p prober) Probe(ctx context.Context, started func()) (int, string, error) {
	var out capped
	mayStart := sync.OnceFunc(func() { p.starts.Release(1) })
	defer mayStart()
	code, err := p.engine.Exec(ctx, p.id, inspect.Process{Args: p.argv, Stdout: &out, Stderr: &out, Started: func() {
		mayStart()
		started()
	}})
	if errdefs.IsUnavailable(err) {
		err = fmt.Errorf("%w: %w", health.ErrNoResult, err)
	}
	return code, out.String(), err
}

// capped keeps the beginning of what is written and swallows the rest.
type capped struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (c *capped) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.b.Write(p[:min(len(p), health.MaxOutput-c.b.Len())])
	return len(p), nil
}

func (c *capped) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.b.String()
}
