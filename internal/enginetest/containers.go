package enginetest

import (
	"context"
	"fmt"
	"time"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/planner"
)

// Create makes a container record; that it is there already is no error.
func (f *Fake) Create(ctx context.Context, c executor.ContainerSpec) error {
	return f.act(ctx, "Create", c.ID, func() error {
		if _, ok := f.containers[c.ID]; ok {
			return nil
		}
		i := f.images[c.Service.Image]
		if c.Digest == "" { // whatever was built
			c.Digest = i.Local
		}
		if i.Local == "" || i.Local != c.Digest {
			return fmt.Errorf("image %s: digest %q is not here", c.Service.Image, c.Digest)
		}
		for ref, digest := range c.Mounted {
			if i := f.images[ref]; i.Local == "" || digest != "" && i.Local != digest {
				return fmt.Errorf("mounted image %s: digest %q is not here", ref, digest)
			}
			c.Mounted[ref] = f.images[ref].Local
		}
		for _, n := range c.Networks {
			if _, ok := f.networks[n.Name]; !ok {
				return fmt.Errorf("network %s does not exist", n.Name)
			}
		}
		for _, v := range c.Volumes {
			if _, ok := f.volumes[v.Name]; !ok {
				return fmt.Errorf("volume %s does not exist", v.Name)
			}
		}
		f.containers[c.ID] = &container{spec: c, task: planner.TaskNone}
		return nil
	})
}

// Update rewrites the stored model.
func (f *Fake) Update(ctx context.Context, id string, s executor.ContainerSpec) error {
	return f.act(ctx, "Update", id, func() error {
		c, err := f.find(id)
		if err == nil {
			c.spec.Service = s.Service
		}
		return err
	})
}

// Start runs a container. One that runs, or whose replica another container
// serves, is an error.
func (f *Fake) Start(ctx context.Context, id string) error {
	return f.act(ctx, "Start", id, func() error {
		c, err := f.find(id)
		if err != nil {
			return err
		}
		for other, o := range f.containers {
			if o.spec.Stack == c.spec.Stack && o.spec.Ref == c.spec.Ref && live(o) {
				return fmt.Errorf("start %s: %s runs already", id, other)
			}
		}
		c.task, c.code, c.health = planner.TaskRunning, 0, planner.HealthNone
		if probed(c) {
			c.health = planner.HealthStarting
		}
		if code, ends := exitCode(c.spec.Service.Command); ends {
			c.task, c.code, c.health = planner.TaskStopped, code, planner.HealthNone
		}
		return nil
	})
}

// Stop ends a container's process, if there is one.
func (f *Fake) Stop(ctx context.Context, id string, _ time.Duration) error {
	return f.act(ctx, "Stop", id, func() error {
		if c := f.containers[id]; c != nil && (live(c) || c.task == planner.TaskCreated) {
			c.task, c.code, c.health = planner.TaskStopped, 143, planner.HealthNone
		}
		return nil
	})
}

// Kill ends a container's process by SIGKILL; other signals are passed over.
func (f *Fake) Kill(ctx context.Context, id, signal string) error {
	return f.act(ctx, "Kill", id, func() error {
		c, err := f.find(id)
		switch {
		case err != nil:
			return err
		case !live(c):
			return fmt.Errorf("container %s does not run", id)
		case signal == "SIGKILL":
			c.task, c.code, c.health = planner.TaskStopped, 137, planner.HealthNone
		}
		return nil
	})
}

// Pause freezes a container.
func (f *Fake) Pause(ctx context.Context, id string) error {
	return f.act(ctx, "Pause", id, func() error { return f.freeze(id, planner.TaskPaused) })
}

// Unpause lets a container go on.
func (f *Fake) Unpause(ctx context.Context, id string) error {
	return f.act(ctx, "Unpause", id, func() error { return f.freeze(id, planner.TaskRunning) })
}

func (f *Fake) freeze(id string, to planner.TaskState) error {
	c, err := f.find(id)
	if err != nil {
		return err
	}
	if !live(c) {
		return fmt.Errorf("container %s does not run", id)
	}
	c.task = to
	return nil
}

// Remove takes a container away, if it is there.
func (f *Fake) Remove(ctx context.Context, id string) error {
	return f.act(ctx, "Remove", id, func() error {
		delete(f.containers, id)
		return nil
	})
}

func (f *Fake) find(id string) (*container, error) {
	if c := f.containers[id]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("container %s does not exist", id)
}

func live(c *container) bool {
	return c.task == planner.TaskRunning || c.task == planner.TaskPaused
}

func probed(c *container) bool {
	h := c.spec.Service.Healthcheck
	return h != nil && !h.Disable
}

// exitCode reads the command of a process that ends by itself.
func exitCode(command []string) (code int, ends bool) {
	if len(command) == 0 {
		return 0, false
	}
	n, _ := fmt.Sscanf(command[len(command)-1], "exit %d", &code)
	return code, n == 1
}
