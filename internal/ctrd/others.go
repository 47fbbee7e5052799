package ctrd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/containerd/v2/core/containers"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// A container that shares namespaces with another finds them by links of its
// own, which each start lays anew: the other has another process by then.

// etcFiles are those of /etc that stackup keeps.
var etcFiles = []string{"hosts", "resolv.conf", "hostname"}

// namespaceLink is where a container finds another's namespace of a kind, as
// /proc/PID/ns names kinds.
func (e *Engine) namespaceLink(id, kind string) string {
	return filepath.Join(e.Dirs.Container(id), "ns-"+kind)
}

// shmDir is the memory that containers of one IPC namespace share, where others
// may join it; of those that join it is a link.
func (e *Engine) shmDir(id string) string { return filepath.Join(e.Dirs.Container(id), "shm") }

// borrowed are the namespaces of others as the OCI runtime finds them.
func (e *Engine) borrowed(id string, s *spec.Service) []specs.LinuxNamespace {
	var out []specs.LinuxNamespace
	add := func(of spec.Other, ns specs.LinuxNamespaceType, kind string) {
		if of != "" {
			out = append(out, specs.LinuxNamespace{Type: ns, Path: e.namespaceLink(id, kind)})
		}
	}
	add(s.NetworkMode.Of(), specs.NetworkNamespace, "net")
	add(s.Namespaces.IPCOf, specs.IPCNamespace, "ipc")
	add(s.Namespaces.PIDOf, specs.PIDNamespace, "pid")
	return out
}

// linkOthers lays the links for a start. What is shared with must run.
func (e *Engine) linkOthers(ctx context.Context, rec containers.Container, s *spec.Service) error {
	for _, l := range []struct {
		attr, kind string
		of         spec.Other
	}{{"network_mode", "net", s.NetworkMode.Of()}, {"ipc", "ipc", s.Namespaces.IPCOf}, {"pid", "pid", s.Namespaces.PIDOf}} {
		if l.of == "" {
			continue
		}
		other, pid, err := e.running(ctx, rec.Labels[labels.Stack], l.of)
		if err == nil {
			err = e.linkOther(rec.ID, l.kind, other, pid)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", l.attr, err)
		}
	}
	return nil
}

func (e *Engine) linkOther(id, kind string, other containers.Container, pid uint32) error {
	err := relink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind), e.namespaceLink(id, kind))
	if err != nil || kind == "pid" {
		return err
	}
	if kind == "ipc" {
		st, err := storedOf(other)
		if err != nil {
			return err
		}
		shm := e.shmDir(other.ID)
		if st.Service.Namespaces.IPC {
			shm = "/dev/shm"
		} else if !st.Service.Namespaces.Shareable && st.Service.Namespaces.IPCOf == "" {
			return fmt.Errorf("container %s does not let others join: say ipc: shareable there", other.Labels[labels.Name])
		}
		return relink(shm, e.shmDir(id))
	}
	for _, name := range etcFiles {
		if err := relink(filepath.Join(e.Dirs.Container(other.ID), name), filepath.Join(e.Dirs.Container(id), name)); err != nil {
			return err
		}
	}
	return nil
}

// relink has path lead to target, whatever was there.
func relink(target, path string) error {
	if err := statedir.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	aside := path + ".new"
	if err := os.Remove(aside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Symlink(target, aside); err != nil {
		return err
	}
	return os.Rename(aside, path)
}

// running finds the container that is meant, the first by number of those that
// run, with its process.
func (e *Engine) running(ctx context.Context, stack string, o spec.Other) (containers.Container, uint32, error) {
	filter := fmt.Sprintf("labels.%q==%q", labels.Name, "")
	if name, is := o.Container(); is {
		filter = fmt.Sprintf("labels.%q==%q", labels.Name, name)
	} else if name, is := o.Service(); is {
		filter = fmt.Sprintf("labels.%q==%q,labels.%q==%q", labels.Stack, stack, labels.Service, name)
	}
	found, err := e.containersBy(ctx, filter)
	if err != nil {
		return containers.Container{}, 0, err
	}
	if name, is := o.Container(); is {
		if found, err = theOne(name, stack, found); err != nil {
			return containers.Container{}, 0, err
		}
	}
	index := func(c containers.Container) int { n, _ := strconv.Atoi(c.Labels[labels.Index]); return n }
	slices.SortFunc(found, func(a, b containers.Container) int { return cmp.Compare(index(a), index(b)) })
	for _, c := range found {
		t, err := e.task(ctx, c.ID)
		if err != nil {
			return c, 0, err
		}
		if _, byName := o.Container(); t != nil && taskState(t.Status) == planner.TaskRunning && (byName || index(c) > planner.OneOff) {
			return c, t.Pid, nil
		}
	}
	return containers.Container{}, 0, fmt.Errorf("%s does not run", o)
}

// observeNames lists the containers of other stacks with names that services of the stack
// choose. It asks only if one does.
func (e *Engine) observeNames(ctx context.Context, s *spec.Stack) (out []planner.NameUse, err error) {
	var filters []string
	for _, v := range s.Services {
		if v.ContainerName != "" {
			filters = append(filters, fmt.Sprintf("labels.%q==%q", labels.Name, v.ContainerName))
		}
	}
	if len(filters) == 0 { // which would fit all
		return nil, nil
	}
	found, err := e.containersBy(ctx, filters...)
	for _, c := range found {
		if id, ok := labels.Decode(c.Labels); ok && id.Stack != s.Name {
			out = append(out, planner.NameUse{Name: id.Name, Stack: id.Stack})
		}
	}
	return out, err
}

// theOne leaves the containers of one stack: of the asking one's if that has some, else of
// the only one that has. Of several stacks it is not known which is meant.
func theOne(name, stack string, found []containers.Container) ([]containers.Container, error) {
	of := func(stack string) []containers.Container {
		return slices.DeleteFunc(slices.Clone(found), func(c containers.Container) bool { return c.Labels[labels.Stack] != stack })
	}
	if own := of(stack); len(own) > 0 || len(found) == 0 {
		return own, nil
	}
	first := found[0].Labels[labels.Stack]
	if only := of(first); len(only) == len(found) {
		return only, nil
	}
	var stacks []string
	for _, c := range found {
		stacks = append(stacks, c.Labels[labels.Stack])
	}
	slices.Sort(stacks)
	return nil, fmt.Errorf("container:%s could be one of several stacks' (%s)", name, strings.Join(slices.Compact(stacks), ", "))
}

// shareShm makes the memory that others may join.
func (e *Engine) shareShm(id string, s *spec.Service) error {
	if !s.Namespaces.Shareable {
		return nil
	}
	size := s.ShmSize
	if size == 0 {
		size = defaultShm
	}
	return inMemory(e.shmDir(id), "mode=1777,size="+strconv.FormatInt(size, 10))
}

// defaultShm is the size of /dev/shm in bytes where the service sets none.
const defaultShm = 64 << 20

// unshareShm takes it away; of a container that has joined another there is
// nothing but a link.
func (e *Engine) unshareShm(id string) error {
	dir := e.shmDir(id)
	if st, err := os.Lstat(dir); err != nil || !st.IsDir() {
		return nil
	}
	return unmountAll(dir)
}

func unmountAll(dir string) error {
	for isMount(dir) {
		if err := unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			return fmt.Errorf("unmount %s: %w", dir, err)
		}
	}
	return nil
}

// ownNetwork says whether a container has a network of its own.
func ownNetwork(s *spec.Service) bool {
	return s.NetworkMode != spec.NetworkHost && s.NetworkMode.Of() == ""
}
