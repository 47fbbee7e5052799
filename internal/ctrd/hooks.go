package ctrd

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/spec"
)

// hookOutput bounds what is kept of a hook's output for an error, bytes.
const hookOutput = 4 << 10

// hooksDue marks a container whose start is not over: its post_start has not done
// its work yet.
func (e *Engine) hooksDue(id string) string { return filepath.Join(e.Dirs.Container(id), "post-start") }

func (e *Engine) markHooks(id string, due bool) error {
	if due {
		return statedir.WriteVolatile(e.hooksDue(id), nil, 0o600)
	}
	return statedir.Remove(e.hooksDue(id))
}

// halfStarted says whether a start was cut short before post_start was over.
func (e *Engine) halfStarted(id string) bool {
	_, err := os.Stat(e.hooksDue(id))
	return err == nil
}

// clearHalfStarted ends what runs of a start that was cut short: the next one
// begins anew.
func (e *Engine) clearHalfStarted(ctx context.Context, id string) error {
	if !e.halfStarted(id) {
		return nil
	}
	return e.killAndDelete(ctx, id)
}

// runHooks runs commands in a container that runs, one after the other. The
// first one that fails is the error, with what it printed last.
func (e *Engine) runHooks(ctx context.Context, id, what string, hooks []spec.Hook) error {
	for i, h := range hooks {
		if err := e.RunHook(ctx, id, h); err != nil {
			return fmt.Errorf("%s[%d]: %w", what, i, err)
		}
	}
	return nil
}

// RunHook runs a command in a container that runs. One that fails is an error,
// with what it printed last.
func (e *Engine) RunHook(ctx context.Context, id string, h spec.Hook) error {
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
	return err
}

// beforeStop runs what the service wants run first, and gives what is left of
// the grace. It keeps nothing from being stopped: what fails is logged, and
// without a grace there is no time for it.
func (e *Engine) beforeStop(ctx context.Context, id string, s *spec.Service, grace time.Duration) time.Duration {
	if len(s.PreStop) == 0 || grace <= 0 {
		return grace
	}
	begin := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, grace, fmt.Errorf("not done within %s", grace))
	defer cancel()
	if err := e.runHooks(ctx, id, "pre_stop", s.PreStop); err != nil {
		e.Log.Warn("hook", "id", id, "err", err)
	}
	return max(0, grace-time.Since(begin))
}

// tail keeps the end of what is written.
type tail struct{ b bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	t.b.Write(p)
	t.b.Next(max(0, t.b.Len()-hookOutput))
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(t.b.String()) }
