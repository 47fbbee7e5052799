package ctrd

import "context"

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
	if r, rerr := e.readRun(id); rerr == nil && r.Exit == nil && !x.At.Before(r.Started) {
		e.noteExit(id, x)
	}
	return lock.Unlock()
}
