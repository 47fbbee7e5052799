package ctrd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	tasktypes "github.com/containerd/containerd/api/types/task"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/mount"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/busy"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/internal/tree"
	"stackup.dev/stackup/planner"
)

// Files lets use see a container's files, with its volumes: those of a running
// one as its first process sees them, those of another out of its snapshot. That
// one cannot start meanwhile.
func (e *Engine) Files(ctx context.Context, id string, use func(*tree.Root) error) (err error) {
	ctx = e.ctx(ctx)
	if live, err := e.liveFiles(ctx, id, use); live || err != nil {
		return err
	}
	lock, err := e.Dirs.LockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if live, err := e.liveFiles(ctx, id, use); live || err != nil { // it was just being started
		return err
	}
	orphaned, err := e.orphaned(ctx, id)
	if err != nil {
		return err
	}
	if orphaned {
		return errOrphaned // its files are in use
	}
	rec, err := e.client.ContainerService().Get(ctx, id)
	if err != nil {
		return err
	}
	if !e.volumes.Uses(id) {
		defer func() { err = errors.Join(err, e.volumes.Release(context.WithoutCancel(ctx), id)) }()
	}
	if err := e.useVolumes(ctx, rec); err != nil {
		return err
	}
	return e.restingFiles(ctx, rec, use)
}

// liveFiles says whether the container runs. Its process is looked up once more
// when its root is open: another may have got its number.
func (e *Engine) liveFiles(ctx context.Context, id string, use func(*tree.Root) error) (live bool, err error) {
	pid, err := e.runningAs(ctx, id)
	if pid == 0 || err != nil {
		return false, err
	}
	root, err := tree.Open(fmt.Sprintf("/proc/%d/root", pid))
	if errors.Is(err, fs.ErrNotExist) { // it has ended, which containerd may hear of a little later
		ended, werr := e.awaitExit(ctx, id, busy.Stretch(killWait))
		if ended || werr != nil {
			return false, werr
		}
	}
	if err != nil {
		if now, terr := e.runningAs(ctx, id); now != pid {
			return false, terr
		}
		return true, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if now, err := e.runningAs(ctx, id); now != pid || err != nil {
		return false, err
	}
	return true, use(root)
}

// runningAs is the process of a container, or 0.
func (e *Engine) runningAs(ctx context.Context, id string) (uint32, error) {
	t, err := e.task(ctx, id)
	if err != nil || t == nil {
		return 0, err
	}
	return livePID(t), nil
}

func livePID(t *tasktypes.Process) uint32 {
	if s := taskState(t.Status); s != planner.TaskRunning && s != planner.TaskPaused {
		return 0
	}
	return t.Pid
}

// restingFiles puts a container's file system together where nobody else sees
// it. It is gone with this process, whatever ends that.
func (e *Engine) restingFiles(ctx context.Context, rec containers.Container, use func(*tree.Root) error) error {
	dir := filepath.Join(e.Dirs.Mounts(os.Getpid()), "copy")
	if err := statedir.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	defer func() { _ = os.Remove(dir) }() // the next down finds it
	type made struct {
		root *tree.Root
		ns   *os.File
		err  error
	}
	done := make(chan made)
	go func() {
		runtime.LockOSThread() // for good: the thread goes, and takes its namespace along
		var m made
		m.root, m.ns, m.err = e.assemble(ctx, rec, dir)
		done <- m
	}()
	m := <-done
	if m.err != nil {
		return m.err
	}
	return errors.Join(use(m.root), m.root.Close(), m.ns.Close())
}

// assemble mounts snapshot, images, folders and volumes at a folder, in a mount
// namespace of this thread's own, which lives as long as ns is open.
func (e *Engine) assemble(ctx context.Context, rec containers.Container, dir string) (root *tree.Root, ns *os.File, err error) {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return nil, nil, fmt.Errorf("a mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, nil, err
	}
	s, err := storedOf(rec)
	if err != nil {
		return nil, nil, err
	}
	if _, err := e.mountPassing(ctx, rec, &s); err != nil {
		return nil, nil, err
	}
	layers, err := e.rootfs(ctx, rec, &s)
	if err != nil {
		return nil, nil, err
	}
	if err := mount.All(layers, dir); err != nil {
		return nil, nil, err
	}
	if root, err = tree.Open(dir); err != nil {
		return nil, nil, err
	}
	if err = e.bindAll(root, rec, dir, s.Service.ReadOnly); err == nil {
		ns, err = os.Open("/proc/thread-self/ns/mnt")
	}
	if err != nil {
		return nil, nil, errors.Join(err, root.Close())
	}
	return root, ns, nil
}

// bindAll mounts what the OCI spec binds and what is there: the managed files of
// a container that has not been started since the machine was are not.
func (e *Engine) bindAll(root *tree.Root, rec containers.Container, dir string, readOnly bool) error {
	var s struct {
		Mounts []specs.Mount `json:"mounts"`
	}
	if err := json.Unmarshal(rec.Spec.GetValue(), &s); err != nil {
		return err
	}
	if readOnly {
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
			return err
		}
	}
	for _, m := range s.Mounts {
		if _, err := os.Stat(m.Source); m.Type != "bind" || err != nil {
			continue
		}
		err := e.bind(root, m)
		if err != nil && !errors.Is(err, os.ErrNotExist) { // where it has never started, there may be no place for it
			return fmt.Errorf("mount %s: %w", m.Destination, err)
		}
	}
	return nil
}

// bind mounts one; a part of a volume only where no link has taken its place.
func (e *Engine) bind(root *tree.Root, m specs.Mount) error {
	source := m.Source
	part, err := e.holdPart(source)
	if err != nil {
		return err
	}
	if part != nil {
		defer func() { _ = part.Close() }() // only looked from
		source = fmt.Sprintf("/proc/self/fd/%d", part.Fd())
	}
	flags := uintptr(0)
	if slices.Contains(m.Options, "ro") || slices.Contains(m.Options, "rro") {
		flags = unix.MS_RDONLY
	}
	return root.Bind(source, m.Destination, flags)
}
