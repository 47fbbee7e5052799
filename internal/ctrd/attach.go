package ctrd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/inspect"
)

// Input opens the standard input of a container that says stdin_open or tty; it
// is nil for others. Closing it does not end the container's.
func (e *Engine) Input(ctx context.Context, id string) (io.WriteCloser, error) {
	t, err := e.task(e.ctx(ctx), id)
	switch {
	case err != nil:
		return nil, err
	case t == nil:
		return nil, errNotRunning
	case t.Stdin == "":
		return nil, nil //nolint:nilnil // it has none
	}
	// The shim holds the other end; without it nobody would ever read.
	f, err := os.OpenFile(t.Stdin, os.O_WRONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ENXIO) {
		return nil, errNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	return f, nil
}

// Resize tells the container's terminal its size.
func (e *Engine) Resize(ctx context.Context, id string, s inspect.Size) error {
	req := &tasksapi.ResizePtyRequest{ContainerID: id, Width: uint32(s.Width), Height: uint32(s.Height)}
	_, err := e.client.TaskService().ResizePty(e.ctx(ctx), req)
	return native(err)
}
