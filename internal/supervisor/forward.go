package supervisor

import (
	"context"
	"fmt"
	"path/filepath"

	"stackup.dev/stackup/internal/forward"
	"stackup.dev/stackup/internal/inspect"
)

// forward has a container's output sent on, where its service asks for it. It
// ends by itself, once what was left behind by a container that is gone is sent.
func (s *Supervisor) forward(c inspect.Container) {
	l := c.Service.Logging
	if !l.Sends() {
		s.forwards.stop(c.ID)
		return
	}
	from := forward.Container{
		ID: c.ID, Name: c.Name, Image: c.Image, Dir: filepath.Join(s.Dirs.Logs(), c.ID),
		Labels: c.Labels, Environment: map[string]string{},
	}
	for _, v := range c.Service.Environment {
		from.Environment[v.Name] = v.Value
	}
	s.forwards.start(c.ID, fmt.Sprint(l), func(ctx context.Context) { forward.Run(ctx, from, l, s.Log) })
}
