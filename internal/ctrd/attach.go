package ctrd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/busy"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/planner"
)

// readerPatience is how long a shim may take to read the input of a container that
// has just been started; it is stretched on a busy machine.
const readerPatience = 2 * time.Second

var errNoInput = errors.New("it does not read its standard input any more")

// Input opens the standard input of a container that says stdin_open or tty; it
// is nil for others. Closing it does not end the container's.
func (e *Engine) Input(ctx context.Context, id string) (io.WriteCloser, error) {
	ctx, cancel := busy.WithTimeout(e.ctx(ctx), readerPatience, errNoInput)
	defer cancel()
	for {
		t, err := e.task(ctx, id)
		switch {
		case err != nil:
			return nil, err
		case t == nil || taskState(t.Status) == planner.TaskStopped:
			return nil, errNotRunning
		case t.Stdin == "":
			return nil, nil //nolint:nilnil // it has none
		}
		f, err := openInput(t.Stdin)
		if !errors.Is(err, unix.ENXIO) {
			return f, err
		}
		select { // a shim may answer that a container runs before it reads for it
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// openInput opens a FIFO for writing. Its error is ENXIO if nobody reads it.
func openInput(path string) (io.WriteCloser, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0)
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
