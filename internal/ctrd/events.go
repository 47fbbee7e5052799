package ctrd

import (
	"context"

	eventsapi "github.com/containerd/containerd/api/events"
	"github.com/containerd/typeurl/v2"

	"stackup.dev/stackup/internal/inspect"
)

// Watch gives exits and changes in the order in which containerd tells them,
// until ctx ends or the engine goes away, which errs tells.
func (e *Engine) Watch(ctx context.Context) (<-chan any, <-chan error) {
	ctx, cancel := context.WithCancel(e.ctx(ctx))
	in, inErr := e.client.Subscribe(ctx, `topic~="/tasks/(exit|oom|start|delete|paused|resumed)"`, `topic~="/containers/"`)
	out, errs := make(chan any, 64), make(chan error, 1)
	go func() {
		defer cancel()
		defer close(out)
		for {
			select {
			case env := <-in:
				if env == nil || env.Namespace != e.Dirs.Namespace() {
					continue
				}
				if !forward(ctx, out, env.Event) {
					return
				}
			case err := <-inErr:
				errs <- err
				return
			}
		}
	}()
	return out, errs
}

func forward(ctx context.Context, out chan<- any, a typeurl.Any) bool {
	v := translate(a)
	if v == nil {
		return true
	}
	select {
	case out <- v:
		return true
	case <-ctx.Done():
		return false
	}
}

// translate drops what nobody here asks for: execs, above all.
func translate(a typeurl.Any) any {
	v, err := typeurl.UnmarshalAny(a)
	if err != nil {
		return nil
	}
	switch t := v.(type) {
	case *eventsapi.TaskExit:
		if t.ID == t.ContainerID {
			return inspect.Exit{ID: t.ContainerID, Code: int(t.ExitStatus), At: t.ExitedAt.AsTime()}
		}
	case *eventsapi.TaskOOM:
		return inspect.OutOfMemory{ID: t.ContainerID}
	case *eventsapi.TaskStart:
		return inspect.Change{ID: t.ContainerID}
	case *eventsapi.TaskPaused:
		return inspect.Change{ID: t.ContainerID}
	case *eventsapi.TaskResumed:
		return inspect.Change{ID: t.ContainerID}
	case *eventsapi.TaskDelete:
		return inspect.Change{ID: t.ContainerID}
	case *eventsapi.ContainerCreate:
		return inspect.Change{ID: t.ID}
	case *eventsapi.ContainerUpdate:
		return inspect.Change{ID: t.ID}
	case *eventsapi.ContainerDelete:
		return inspect.Change{ID: t.ID}
	}
	return nil
}
