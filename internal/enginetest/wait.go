package enginetest

import (
	"context"
	"fmt"

	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// Wait blocks until the condition holds or no longer can.
func (f *Fake) Wait(ctx context.Context, id string, until spec.Condition) error {
	if err := f.act(ctx, "Wait", id, func() error { return nil }); err != nil {
		return err
	}
	for {
		held, changed, err := f.check(id, until)
		if held || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *Fake) check(id string, until spec.Condition) (held bool, changed <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, err := f.find(id)
	if err != nil {
		return false, nil, err
	}
	held, err = f.holds(c, until)
	return held, f.changed, err
}

func (f *Fake) holds(c *container, until spec.Condition) (bool, error) {
	exited := c.task == planner.TaskStopped
	switch {
	case until == spec.Completed && live(c):
		return false, nil
	case until != spec.Healthy && exited && c.code == 0:
		return true, nil
	case !live(c):
		return false, fmt.Errorf("container %s does not run: exit code %d", c.spec.ID, c.code)
	case until == spec.Started:
		return true, nil
	case !probed(c):
		return false, fmt.Errorf("container %s has no health probe", c.spec.ID)
	case f.sick[c.spec.Service.Name]:
		c.health = planner.HealthUnhealthy
		return false, fmt.Errorf("container %s is unhealthy", c.spec.ID)
	}
	c.health = planner.HealthHealthy
	return true, nil
}
