package ctrd

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	tasktypes "github.com/containerd/containerd/api/types/task"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/busy"
	"stackup.dev/stackup/internal/cgroup"
	"stackup.dev/stackup/internal/statedir"
)

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
func (e *Engine) settledMissing(ctx context.Context, p places, id string) (*tasktypes.Process, bool, error) {
	return e.sharedMissing(ctx, p, id, func() (*statedir.Lock, error) {
		ctx, cancel := busy.WithTimeout(ctx, clearTime, errSlowClearing)
		defer cancel()
		return e.Dirs.ShareContainer(ctx, id)
	})
}

// triedMissing is missing, for who has no lock and waits for nobody: somebody who works on
// the container makes or ends its task.
func (e *Engine) triedMissing(ctx context.Context, p places, id string) (*tasktypes.Process, bool, error) {
	t, orphaned, err := e.sharedMissing(ctx, p, id, func() (*statedir.Lock, error) { return e.Dirs.TryShareContainer(id) })
	if statedir.IsLocked(err) {
		return nil, false, nil
	}
	return t, orphaned, err
}

// sharedMissing is missing, under a lock that is shared only where something runs in the
// container's control groups.
func (e *Engine) sharedMissing(ctx context.Context, p places, id string, share func() (*statedir.Lock, error)) (t *tasktypes.Process, orphaned bool, err error) {
	if empty, err := e.empty(p, id); err != nil || empty {
		return nil, false, err
	}
	lock, err := share()
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
