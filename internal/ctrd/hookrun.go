package ctrd

import (
	"context"
	"errors"
	"fmt"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/busy"
	"stackup.dev/stackup/internal/inspect"
)

// RunToEnd makes a container, runs it, and takes it away. What a run that was
// killed has left of it goes first.
func (e *Engine) RunToEnd(ctx context.Context, c executor.ContainerSpec) (err error) {
	if err := e.Remove(ctx, c.ID); err != nil {
		return err
	}
	defer func() {
		after, cancel := busy.WithTimeout(context.WithoutCancel(ctx), undoTimeout, errSlowUndo)
		defer cancel()
		err = errors.Join(err, e.Remove(after, c.ID))
	}()
	if err := e.Create(ctx, c); err != nil {
		return err
	}
	var out tail
	code, err := e.Run(ctx, c.ID, inspect.Process{Stdout: &out, Stderr: &out})
	if err == nil && code != 0 {
		err = fmt.Errorf("exited (%d): %s", code, out.String())
	}
	return err
}
