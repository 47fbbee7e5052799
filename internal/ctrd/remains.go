package ctrd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	runcoptions "github.com/containerd/containerd/api/types/runc/options"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/typeurl/v2"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/busy"
	"stackup.dev/stackup/internal/cgroup"
)

// clearTime bounds the clearing away of what a task has left; it is stretched on a busy
// machine.
const clearTime = 20 * time.Second

var errSlowClearing = fmt.Errorf("it took more than %s", clearTime)

// remains is what a task may leave where containerd knows of none: its shim was
// killed, and containerd's clean-up failed or was killed too; or a command was killed
// while its task was made, which goes on for a while. The control group is the truth
// about a container's processes.
type remains struct {
	id      string
	groups  []cgroup.Group
	runtime string   // the folder that the OCI runtime keeps of it
	bundles []string // containerd's folders of it, with the mounted root
}

// remainsOf looks for what is left of a container. It asks containerd nothing.
func (e *Engine) remainsOf(id string) (remains, error) {
	r := remains{id: id}
	p, err := e.places()
	if err != nil {
		return r, err
	}
	r.groups = e.groupsOf(p, id)
	if dir := e.runtimeState(id); exists(dir) {
		r.runtime = dir
	}
	bundles, err := e.bundles(id)
	r.bundles = slices.DeleteFunc(slices.Compact(bundles), func(b string) bool { return !exists(b) })
	return r, err
}

func (r remains) none() bool { return len(r.groups)+len(r.bundles) == 0 && r.runtime == "" }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// bundles are the folders that containerd's runtime may have of a container: below its
// state folder, which only our own engine is sure to have where we expect it. A mounted
// root shows where another one has it.
func (e *Engine) bundles(id string) (out []string, err error) {
	if e.Embedded {
		return []string{filepath.Join(e.bundlesOf(e.Dirs.EngineState()), id)}, nil
	}
	out = []string{filepath.Join(e.bundlesOf("/run/containerd"), id)}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasSuffix(f[4], filepath.Join(e.bundlesOf("/"), id, "rootfs")) { // the mount point (proc(5))
			out = append(out, filepath.Dir(f[4]))
		}
	}
	return out, err
}

// clearRemains takes away whatever stands in the place of a container's next task, or
// is left of its last: processes first, so that nothing is ever removed under one. It is
// for when containerd knows no task, by who has the container's lock. killed says that
// processes still ran.
func (e *Engine) clearRemains(ctx context.Context, id string) (killed bool, err error) {
	r, err := e.remainsOf(id)
	if err != nil || r.none() && !e.disturbed(id) {
		return false, err
	}
	ctx, cancel := busy.WithTimeout(ctx, clearTime, errSlowClearing)
	defer cancel()
	if err := e.awaitRuntime(ctx, id, clearTime/2); err != nil {
		return false, err
	}
	if r, err = e.remainsOf(id); err != nil { // of the runtime that has just ended, too
		return false, err
	}
	if killed, err = e.killRemains(ctx, r); err != nil {
		return killed, err
	}
	return killed, e.removeRemains(ctx, r)
}

// killRemains kills what runs in the container's control groups. killed says that
// something did.
func (e *Engine) killRemains(ctx context.Context, r remains) (killed bool, err error) {
	pids, err := allIn(r.groups)
	if err != nil {
		return false, err
	}
	if others(pids) {
		return false, fmt.Errorf("the control group of container %s has process %d, which was started in another PID namespace: somebody else has a container of that name (choose another --root)", r.id, pids[0])
	}
	if len(pids) > 0 {
		e.Log.Warn("processes that containerd knows nothing of are killed", "id", r.id, "pids", pids)
	}
	for _, g := range r.groups {
		if err := g.Kill(ctx); err != nil {
			return len(pids) > 0, err
		}
	}
	return len(pids) > 0, nil
}

// removeRemains removes what is left of a container that has no processes.
func (e *Engine) removeRemains(ctx context.Context, r remains) error {
	if err := e.clearRuntime(ctx, r); err != nil {
		return err
	}
	for _, b := range r.bundles {
		if err := removeBundle(b); err != nil {
			return err
		}
	}
	for _, g := range r.groups {
		if err := g.Remove(ctx); err != nil {
			return err
		}
	}
	return nil
}

// endLost is clearRemains where nothing is to be started in the container's place. It
// keeps how the run ended.
func (e *Engine) endLost(ctx context.Context, id string) error {
	killed, err := e.clearRemains(ctx, id)
	if err != nil {
		return err
	}
	var end *exit
	if killed {
		end = &exit{Code: 128 + int(unix.SIGKILL), At: time.Now()}
	}
	if err := e.keepTold(ctx, id, end); err != nil {
		e.Log.Warn("how a container ended is not kept", "id", id, "err", err)
	}
	return nil
}

// clearRuntime has the OCI runtime forget the container, whose processes have ended.
// What it cannot do by itself, as with a state that is damaged, is only its folder.
func (e *Engine) clearRuntime(ctx context.Context, r remains) error {
	if r.runtime == "" {
		return nil
	}
	c := exec.CommandContext(ctx, e.runtimeOf(ctx, r.id), "--root", filepath.Dir(r.runtime), "delete", "--force", r.id)
	c.WaitDelay = time.Second // a hook of it may keep its output open
	if out, err := c.CombinedOutput(); err != nil && ctx.Err() == nil {
		e.Log.Warn("the OCI runtime does not delete a container", "id", r.id, "err", err, "output", strings.TrimSpace(string(out)))
	}
	if ctx.Err() != nil {
		return fmt.Errorf("delete %s from the OCI runtime: %w", r.id, context.Cause(ctx))
	}
	return os.RemoveAll(r.runtime)
}

// runtimeOf is the program of the OCI runtime that a container was made with, or, of one
// that has no record any more, ours.
func (e *Engine) runtimeOf(ctx context.Context, id string) string {
	rec, err := e.client.ContainerService().Get(ctx, id)
	if err == nil && rec.Runtime.Options != nil {
		var o runcoptions.Options
		if typeurl.UnmarshalTo(rec.Runtime.Options, &o) == nil && o.BinaryName != "" {
			return o.BinaryName
		}
	}
	return firstOf(e.RuntimeBin, "runc")
}

// bundlesOf is the folder with the bundles of our namespace in containerd's state folder.
func (e *Engine) bundlesOf(state string) string {
	return filepath.Join(state, "io.containerd.runtime.v2.task", e.Dirs.Namespace())
}

// removeBundle removes a bundle of containerd's, and its working folder, which it
// links to. The root that is mounted in it is unmounted first.
func removeBundle(path string) error {
	rootfs := filepath.Join(path, "rootfs")
	if err := mount.UnmountRecursive(rootfs, unix.MNT_DETACH); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("unmount %s: %w", rootfs, err)
	}
	if err := os.Remove(rootfs); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not empty: %w", rootfs, err) // what is mounted there is the container's
	}
	id := filepath.Base(path)
	if work, err := os.Readlink(filepath.Join(path, "work")); err == nil && filepath.IsAbs(work) && filepath.Base(work) == id {
		if err := os.RemoveAll(work); err != nil {
			return err
		}
	}
	return os.RemoveAll(path)
}

// A container is marked as disturbed while its task is being made, and when a task was
// not cleared away at once. The mark stays where a command is killed amid that. Whoever
// finds it waits for what containerd still does, and makes a task again that fails.
func (e *Engine) disturbedPath(id string) string {
	return filepath.Join(e.Dirs.Container(id), "disturbed")
}

func (e *Engine) disturbed(id string) bool { return exists(e.disturbedPath(id)) }

func (e *Engine) disturb(id string) error {
	err := os.WriteFile(e.disturbedPath(id), nil, 0o600) //nolint:forbidigo // it is empty
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its folder is gone, and so it has no task to be made
	}
	return err
}

func (e *Engine) settle(id string) error {
	if err := os.Remove(e.disturbedPath(id)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
