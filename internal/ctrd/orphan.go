package ctrd

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"stackup.dev/stackup/internal/statedir"
)

// AwaitOrphan waits for the end of a container while the engine is away, and keeps
// how it ended: an engine that starts clears away what has ended, and makes up an
// end. It asks the stack's shim.
func (e *Engine) AwaitOrphan(ctx context.Context, stack, id string) error {
	ctx = e.ctx(ctx)
	path, err := e.socketOf(ctx, stack)
	if err != nil {
		return err
	}
	s, err := dialShim(path)
	if err != nil {
		return err
	}
	defer s.close()
	x, err := s.wait(ctx, id)
	if err != nil {
		return err
	}
	lock, err := e.Dirs.LockContainer(ctx, id)
	if err != nil {
		return err
	}
	return errors.Join(e.keepEnd(id, x), lock.Unlock())
}

// KeepExits keeps how containers of the embedded engine have ended while there was neither
// an engine nor a supervisor. It asks their shims. It is for the engine's process, before
// it looks at the containers: it clears away what has ended, and makes up an end.
func KeepExits(ctx context.Context, d statedir.Dirs, log *slog.Logger) {
	e := &Engine{Config: Config{Dirs: d, Embedded: true, Log: log}}
	folders, _ := os.ReadDir(e.bundlesOf(d.EngineState())) // it is missing before the first container
	asked := shims{}
	defer asked.close()
	for _, f := range folders {
		if err := e.keepOf(ctx, f.Name(), asked); err != nil {
			log.Warn("how a container ended may be lost", "id", f.Name(), "err", err)
		}
	}
}

// keepOf does that for one container. One that somebody holds is left to them: they may
// wait for the engine.
func (e *Engine) keepOf(ctx context.Context, id string, asked shims) (err error) {
	r, err := e.readRun(id)
	if err != nil || !r.unended() {
		return err
	}
	lock, err := e.Dirs.TryLockContainer(id)
	if statedir.IsLocked(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	path, err := shimOf(filepath.Join(e.bundlesOf(e.Dirs.EngineState()), id))
	if err != nil {
		return err
	}
	x, err := asked.ended(ctx, path, id)
	if err != nil || x == nil {
		return err
	}
	return e.keepEnd(id, *x)
}

// shimOf returns where the shim listens that containerd has noted in a bundle.
func shimOf(bundle string) (string, error) {
	var noted struct {
		Address string `json:"address"`
	}
	b, err := os.ReadFile(filepath.Join(bundle, "bootstrap.json"))
	if err == nil {
		err = json.Unmarshal(b, &noted)
	}
	return strings.TrimPrefix(noted.Address, "unix://"), err
}
