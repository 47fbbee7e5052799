package ctrd

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/containerd/containerd/v2/pkg/shim"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/busy"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/planner"
)

// Expect makes ready what a plan is about to ask for and what takes time: what
// images say of their processes, the helpers, and the stack's shim. It does
// not wait, and failures are left to whoever asks for the thing itself.
func (e *Engine) Expect(ctx context.Context, p *planner.Plan) {
	ctx = e.ctx(ctx)
	images, pulled, starts := map[string]string{}, map[string]bool{}, false
	for _, s := range p.Steps {
		switch {
		case s.Op == planner.OpPull, s.Op == planner.OpLoad, s.Op == planner.OpBuild:
			pulled[s.Object] = true
		case s.Op == planner.OpStart:
			starts = true
		case s.Op == planner.OpCreate && s.Ref.Kind == planner.KindContainer:
			if v := p.Desired.Service(s.Ref.Name); v != nil {
				images[v.Image] = s.Digest
			}
		}
	}
	for ref, digest := range images {
		if !pulled[ref] {
			e.ready.Go(func() { _, _ = e.imageConfig(ctx, ref, digest) })
		}
	}
	if len(images) > 0 && e.Embedded {
		e.ready.Go(func() { _ = e.group(ctx, p.Stack) })
	}
	if starts {
		e.ready.Go(func() { _ = helped(ctx, e.Helpers, Helpers.Collect) })
		e.ready.Go(func() { e.shimEarly(ctx, p.Stack) })
	}
}

// shimEarly starts the stack's shim if there is none, which takes as long as
// all that comes before the first task. The shim goes by itself after its last
// container; if none ever comes, Close ends it.
func (e *Engine) shimEarly(ctx context.Context, stack string) {
	if !e.Embedded || e.ShimBin == "" || e.shimListens(ctx, stack) {
		return
	}
	unlock, err := e.lockShim(ctx, stack)
	if err != nil {
		return
	}
	defer unlock()
	if e.shimListens(ctx, stack) {
		return
	}
	if err := e.startShim(ctx, stack); err != nil {
		e.Log.Warn("start a shim beforehand", "stack", stack, "err", err)
		return
	}
	e.early = stack
}

// startShim runs the shim as containerd's own shim program does: with the
// socket to serve as its third descriptor, in a folder that has a file for its
// log and says where the socket is.
func (e *Engine) startShim(ctx context.Context, stack string) error {
	path, err := e.ownSocket(ctx, stack)
	if err != nil {
		return err
	}
	dir := e.Dirs.Shim(stack)
	if err := shimFolder(dir, filepath.Dir(path)); err != nil {
		return err
	}
	if err := removeDead(path); err != nil {
		return err
	}
	l, err := shim.NewSocket("unix://" + path)
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	defer func() { _ = l.Close() }() // the shim has a descriptor of its own
	f, err := l.File()
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // likewise
	cmd := exec.Command(e.ShimBin, "-namespace", e.Dirs.Namespace(), "-id", stack, "-address", e.Dirs.Socket())
	cmd.Dir = dir
	cmd.ExtraFiles = []*os.File{f}
	cmd.Env = []string{
		"PATH=" + filepath.Dir(e.ShimBin) + string(os.PathListSeparator) + os.Getenv("PATH"), "GOMAXPROCS=4",
		"TTRPC_ADDRESS=" + e.Dirs.Socket() + ".ttrpc", "GRPC_ADDRESS=" + e.Dirs.Socket(), "NAMESPACE=" + e.Dirs.Namespace(),
	}
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // it outlives us, unless it dies
	return nil
}

func shimFolder(dir, sockets string) error {
	if err := statedir.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	if err := log.Close(); err != nil {
		return err
	}
	link := filepath.Join(dir, "socket-dir")
	if at, err := os.Readlink(link); err == nil && at == sockets {
		return nil
	}
	return os.Symlink(sockets, link)
}

// endEarlyShim ends the shim that Expect has started, if no container came.
func (e *Engine) endEarlyShim() {
	if e.early == "" || e.used.Load() {
		return
	}
	if path, err := e.ownSocket(e.ctx(context.Background()), e.early); err == nil {
		endIdle(path)
	}
}

// endIdle asks a shim to end, which it does not do while it has containers.
func endIdle(path string) {
	s, err := dialShim(path)
	if err != nil {
		return
	}
	defer s.close()
	ctx, cancel := context.WithTimeout(context.Background(), busy.Stretch(shimExit))
	defer cancel()
	_ = s.shutdown(ctx)
}

// awaitEnd waits until p does not listen at a socket any more, for limit at most.
func awaitEnd(ctx context.Context, path string, p peer, limit time.Duration) {
	deadline := time.Now().Add(limit)
	for p.listens && listener(path) == p && time.Now().Before(deadline) && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
}

// removeShimFolder takes away what startShim has made.
func (e *Engine) removeShimFolder(stack string) error {
	if err := os.RemoveAll(e.Dirs.Shim(stack)); err != nil {
		return fmt.Errorf("folder of the shim: %w", err)
	}
	_ = os.Remove(filepath.Dir(e.Dirs.Shim(stack))) // refused by the kernel unless empty
	return nil
}
