package ctrd

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/spec"
)

const (
	hookOutput = 4 << 10          // bytes of a hook's output that are kept for an error
	hookTime   = 10 * time.Second // of pre_stop, where the service has no grace
)

// runHooks runs commands in a container that runs, one after the other. The
// first one that fails is the error, with what it printed last.
func (e *Engine) runHooks(ctx context.Context, id, what string, hooks []spec.Hook) error {
	for i, h := range hooks {
		var out tail
		var env []string
		for _, p := range h.Environment {
			env = append(env, p.Name+"="+p.Value)
		}
		code, err := e.Exec(ctx, id, inspect.Process{
			Args: h.Command, Env: env, User: h.User, WorkingDir: h.WorkingDir, Privileged: h.Privileged, Stdout: &out, Stderr: &out,
		})
		if err == nil && code != 0 {
			err = fmt.Errorf("exited (%d): %s", code, out.String())
		}
		if err != nil {
			return fmt.Errorf("%s[%d]: %w", what, i, err)
		}
	}
	return nil
}

// beforeStop runs what the service wants run first. It keeps nothing from
// being stopped: it has the time of the grace, and what fails is logged.
func (e *Engine) beforeStop(ctx context.Context, id string, s *spec.Service, grace time.Duration) {
	if len(s.PreStop) == 0 {
		return
	}
	ctx, cancel := context.WithTimeoutCause(ctx, cmp.Or(grace, hookTime), fmt.Errorf("not done within %s", cmp.Or(grace, hookTime)))
	defer cancel()
	if err := e.runHooks(ctx, id, "pre_stop", s.PreStop); err != nil {
		e.Log.Warn("hook", "id", id, "err", err)
	}
}

// tail keeps the end of what is written.
type tail struct{ b bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	t.b.Write(p)
	t.b.Next(max(0, t.b.Len()-hookOutput))
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(t.b.String()) }
