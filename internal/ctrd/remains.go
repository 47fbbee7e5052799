package ctrd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	runcoptions "github.com/containerd/containerd/api/types/runc/options"
	tasktypes "github.com/containerd/containerd/api/types/task"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/typeurl/v2"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/busy"
	"stackup.dev/stackup/internal/cgroup"
)

// clearTime bounds the clearing away of what a task has left; it is stretched on a busy
// machine.
const clearTime = 20 * time.Second

// remainsLook is how often it is looked whether an OCI runtime has ended.
const remainsLook = 20 * time.Millisecond

var errSlowClearing = fmt.Errorf("it took more than %s", clearTime)

// places are where control groups of containers may be. They are read once for many
// containers.
type places struct {
	trees   cgroup.Trees
	parents []string // of the services' choice
}

func (e *Engine) places() (p places, err error) {
	if p.trees, err = cgroup.Mounted(); err != nil {
		return p, err
	}
	p.parents, err = e.notedParents()
	return p, err
}

// groupsOf returns the control groups of a container that exist: below our own and those
// of the services' choice, and where the OCI runtime says that it is.
func (e *Engine) groupsOf(p places, id string) (out []cgroup.Group) {
	all := []cgroup.Group{p.trees.At(filepath.Join("/", e.Dirs.Namespace(), id)), p.trees.Of(e.notedByRuntime(id))}
	for _, parent := range p.parents {
		all = append(all, p.trees.At(filepath.Join("/", parent, e.Dirs.Namespace(), id)))
	}
	for _, g := range all {
		if g.Exists() {
			out = append(out, g)
		}
	}
	return out
}

// runtimeState is the folder that the OCI runtime keeps of a container.
func (e *Engine) runtimeState(id string) string {
	return filepath.Join(e.Dirs.RuncRoot(), e.Dirs.Namespace(), id)
}

// notedByRuntime returns the folders of the container's control group that runc has
// noted (state.json). There are none where that is missing, damaged or of another runtime.
func (e *Engine) notedByRuntime(id string) (folders []string) {
	b, err := os.ReadFile(filepath.Join(e.runtimeState(id), "state.json"))
	if err != nil {
		return nil
	}
	var state struct {
		CgroupPaths map[string]string `json:"cgroup_paths"`
	}
	if json.Unmarshal(b, &state) != nil {
		return nil
	}
	return slices.Compact(slices.Sorted(maps.Values(state.CgroupPaths)))
}

// processesOf returns what runs in these groups. Who shares the machine's control groups,
// such as a stackup in a container, may have containers of the same name. Those are
// somebody else's, and do not count: no process of them was started in our PID namespace.
func processesOf(groups []cgroup.Group) (ours []int, err error) {
	pids, err := allIn(groups)
	if err != nil || others(pids) {
		return nil, err
	}
	return pids, nil
}

func allIn(groups []cgroup.Group) (out []int, err error) {
	for _, g := range groups {
		pids, err := g.Processes()
		if err != nil {
			return nil, err
		}
		out = append(out, pids...)
	}
	return out, nil
}

// others reports whether processes of a container are somebody else's. A container of ours
// may have further PID namespaces in it, but not those alone.
func others(pids []int) bool {
	return len(pids) > 0 && !slices.ContainsFunc(pids, func(pid int) bool { return !foreign(pid) })
}

// foreign reports whether a process is in neither our PID namespace nor one that was made
// in it. One of a namespace that we do not see has the number 0.
func foreign(pid int) bool {
	if pid == 0 {
		return true
	}
	theirs, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "ns/pid"))
	if err != nil {
		return false // it has ended
	}
	defer func() { _ = theirs.Close() }() // only looked at
	ours, err := os.Open("/proc/self/ns/pid")
	if err != nil {
		return false
	}
	defer func() { _ = ours.Close() }() // likewise
	if sameFile(theirs, ours) {
		return false
	}
	fd, err := unix.IoctlRetInt(int(theirs.Fd()), unix.NS_GET_PARENT)
	if err != nil {
		return true // it is not below ours
	}
	parent := os.NewFile(uintptr(fd), "parent")
	defer func() { _ = parent.Close() }() // likewise
	return !sameFile(parent, ours)
}

func sameFile(a, b *os.File) bool {
	x, err := a.Stat()
	y, yerr := b.Stat()
	return err == nil && yerr == nil && os.SameFile(x, y)
}

// missing looks at a container which containerd's list of tasks lacks, and whose lock the
// caller has or shares: else its processes may be those of a task that is just being made.
// containerd is asked once more; it gives the task (a shim that is slow is left out of the
// list), or has lost it.
func (e *Engine) missing(ctx context.Context, p places, id string) (t *tasktypes.Process, orphaned bool, err error) {
	if t, err = e.task(ctx, id); err != nil || t != nil {
		return t, false, err
	}
	pids, err := processesOf(e.groupsOf(p, id)) // they may have ended meanwhile
	return nil, len(pids) > 0, err
}

// empty reports whether nothing runs in a container's control groups. It asks containerd
// nothing.
func (e *Engine) empty(p places, id string) (bool, error) {
	pids, err := processesOf(e.groupsOf(p, id))
	return len(pids) == 0, err
}

// settledMissing is missing, for who has no lock. It waits for who works on the container,
// for clearTime at most.
func (e *Engine) settledMissing(ctx context.Context, p places, id string) (t *tasktypes.Process, orphaned bool, err error) {
	if empty, err := e.empty(p, id); err != nil || empty {
		return nil, false, err
	}
	lctx, cancel := busy.WithTimeout(ctx, clearTime, errSlowClearing)
	defer cancel()
	lock, err := e.Dirs.ShareContainer(lctx, id)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return e.missing(ctx, p, id)
}

// orphaned reports whether containerd has lost a container whose lock the caller has.
func (e *Engine) orphaned(ctx context.Context, id string) (bool, error) {
	p, err := e.places()
	if err != nil {
		return false, err
	}
	_, orphaned, err := e.missing(ctx, p, id)
	return orphaned, err
}

// errOrphaned says what is wrong with a container that containerd has no task of.
var errOrphaned = errors.New("containerd has lost it, and its processes still run: stackup up starts it anew, stackup down ends it")

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
// is left of its last: processes first, so that nothing is ever removed under one. It
// is for when containerd knows no task, by who has the container's lock.
func (e *Engine) clearRemains(ctx context.Context, id string) error {
	r, err := e.remainsOf(id)
	if err != nil || r.none() && !e.disturbed(id) {
		return err
	}
	ctx, cancel := busy.WithTimeout(ctx, clearTime, errSlowClearing)
	defer cancel()
	if err := e.awaitRuntime(ctx, id, clearTime/2); err != nil {
		return err
	}
	if r, err = e.remainsOf(id); err != nil { // of the runtime that has just ended, too
		return err
	}
	pids, err := allIn(r.groups)
	if err != nil {
		return err
	}
	if others(pids) {
		return fmt.Errorf("the control group of container %s has process %d, which was started in another PID namespace: somebody else has a container of that name (choose another --root)", id, pids[0])
	}
	if len(pids) > 0 {
		e.Log.Warn("processes that containerd knows nothing of are killed", "id", id, "pids", pids)
	}
	for _, g := range r.groups {
		if err := g.Kill(ctx); err != nil {
			return err
		}
	}
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
	p, err := e.places()
	if err != nil {
		return err
	}
	empty, err := e.empty(p, id)
	if err != nil {
		return err
	}
	if err := e.clearRemains(ctx, id); err != nil {
		return err
	}
	var killed *exit
	if !empty {
		killed = &exit{Code: 128 + int(unix.SIGKILL), At: time.Now()}
	}
	if err := e.keepTold(ctx, id, killed); err != nil {
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

// awaitRuntime waits until no OCI runtime is at work on the container: of one that a
// killed command has had started, containerd tells nothing. One that is still there
// after patience is killed, as it may be stopped.
func (e *Engine) awaitRuntime(ctx context.Context, id string, patience time.Duration) error {
	end := time.Now().Add(busy.Stretch(patience))
	for {
		pids := e.runtimesAtWork(id)
		if len(pids) == 0 {
			return nil
		}
		if time.Now().After(end) {
			for _, pid := range pids {
				e.killRuntime(pid, id)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("OCI runtime %d of container %s is still at work: %w", pids[0], id, context.Cause(ctx))
		case <-time.After(remainsLook):
		}
	}
}

// killRuntime kills a process if it is still an OCI runtime at work on the container.
func (e *Engine) killRuntime(pid int, id string) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // it has ended
	}
	defer func() { _ = unix.Close(fd) }()
	if e.isAtWork(pid, id) {
		_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) // it may have ended
	}
}

// runtimesAtWork returns the PIDs of those that make or clear away a container.
func (e *Engine) runtimesAtWork(id string) (pids []int) {
	folders, _ := os.ReadDir("/proc")
	for _, f := range folders {
		if pid, err := strconv.Atoi(f.Name()); err == nil && e.isAtWork(pid, id) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// isAtWork reports whether a process makes or clears away a container. OCI runtimes are
// given our state folder, what to do, and the container as their last argument; programs
// of its shim our namespace, the container, and what to do as the last. A process in a
// container may have any arguments, but has a PID namespace of its own.
func (e *Engine) isAtWork(pid int, id string) bool {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	b, err := os.ReadFile(filepath.Join(proc, "cmdline"))
	if err != nil || !bytes.Contains(b, []byte(id)) {
		return false
	}
	args := strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
	last := args[len(args)-1]
	has := func(arg string) bool { return slices.Contains(args, arg) }
	runtime := last == id && has(filepath.Dir(e.runtimeState(id))) && (has("create") || has("start") || has("kill") || has("delete"))
	program := (last == "start" || last == "delete") && has(id) && has(e.Dirs.Namespace())
	if !runtime && !program {
		return false
	}
	theirs, err := os.Readlink(filepath.Join(proc, "ns/pid"))
	ours, oerr := os.Readlink("/proc/self/ns/pid")
	return err == nil && oerr == nil && theirs == ours
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
