// Package cgroup looks into control groups, ends what runs in them, and removes them
// (cgroups(7)). Version 1 has a tree for each set of controllers, version 2 has one; a
// machine may have both.
package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// root is where control groups are mounted.
const root = "/sys/fs/cgroup"

// look is how often a group is looked at that is to become empty.
const look = 10 * time.Millisecond

// Trees are the folders that the trees of control groups are mounted in.
type Trees []string

// Group is one control group: the folders of one path in all trees that have it.
type Group struct {
	path    string
	folders []string
}

// At returns the group at path, such as "/stackup/web-1". It may be in no tree.
func (t Trees) At(path string) Group {
	g := Group{path: path}
	for _, tree := range t {
		g.add(filepath.Join(tree, path))
	}
	return g
}

// Of returns the group that has these folders, such as an OCI runtime notes them. Those
// that are in no tree, or are gone, do not count.
func (t Trees) Of(folders []string) (g Group) {
	for _, f := range folders {
		for _, tree := range t {
			if path, below := strings.CutPrefix(filepath.Clean(f), tree+"/"); below {
				g.path = "/" + path
				g.add(f)
				break
			}
		}
	}
	return g
}

func (g *Group) add(folder string) {
	if _, err := os.Stat(filepath.Join(folder, procs)); err == nil {
		g.folders = append(g.folders, folder)
	}
}

// Mounted returns all trees. Of version 2 alone there is one, and the folders in it are
// groups. Else each tree is mounted in a folder; a link names a tree that is there by
// another name too.
func Mounted() (Trees, error) {
	if hasType(root, unix.CGROUP2_SUPER_MAGIC) {
		return Trees{root}, nil
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var out Trees
	for _, e := range entries {
		dir := filepath.Join(root, e.Name())
		if e.IsDir() && (hasType(dir, unix.CGROUP_SUPER_MAGIC) || hasType(dir, unix.CGROUP2_SUPER_MAGIC)) {
			out = append(out, dir)
		}
	}
	return out, nil
}

func hasType(dir string, magic int64) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && st.Type == magic
}

// procs is the file of a group that lists its processes.
const procs = "cgroup.procs"

// Exists reports whether a tree has the group.
func (g Group) Exists() bool { return len(g.folders) > 0 }

// Processes returns the PIDs of what runs in the group and in groups below it, each
// once. A process that has ended and is not waited for does not count. Those of another
// PID namespace have no PID here: version 2 gives 0 for them, version 1 leaves them out.
func (g Group) Processes() ([]int, error) {
	var out []int
	err := g.walk(func(folder string) error {
		pids, err := listed(folder)
		out = append(out, pids...)
		return err
	})
	slices.Sort(out)
	return slices.Compact(out), err
}

// walk calls do for the group's folders and all below them.
func (g Group) walk(do func(folder string) error) error {
	for _, f := range g.folders {
		err := filepath.WalkDir(f, func(path string, d fs.DirEntry, err error) error {
			switch {
			case gone(err):
				return nil
			case err != nil:
				return err
			case d.IsDir():
				return do(path)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// listed returns the processes of one folder alone.
func listed(folder string) (out []int, err error) {
	b, err := os.ReadFile(filepath.Join(folder, procs))
	if gone(err) || errors.Is(err, unix.EOPNOTSUPP) { // threads of a group above, which lists the process
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.FieldsSeq(string(b)) {
		pid, err := strconv.Atoi(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", folder, err)
		}
		out = append(out, pid)
	}
	return out, nil
}

// gone reports whether err says that a group has been removed, before or while it was
// read.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV)
}

// Kill ends all processes of the group by SIGKILL, also those that they start
// meanwhile and those that are frozen. It returns when there is none any more, or with
// an error that names the rest when ctx ends. It kills nothing, and says so, where
// processes of another PID namespace are among them: they are somebody else's.
func (g Group) Kill(ctx context.Context) error {
	for {
		pids, err := g.Processes()
		if err != nil || len(pids) == 0 {
			return err
		}
		if pids[0] == 0 {
			return fmt.Errorf("control group %s has processes of another PID namespace: they belong to somebody else", g.path)
		}
		if err := g.killOnce(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("control group %s still has %s after SIGKILL: %w", g.path, these(pids), context.Cause(ctx))
		case <-time.After(look):
		}
	}
}

// killOnce kills all processes that there are now. A frozen group starts none. Frozen
// processes of version 1 end once they are thawed.
func (g Group) killOnce() error {
	for _, f := range g.folders {
		_ = os.WriteFile(filepath.Join(f, "cgroup.kill"), []byte("1"), 0) //nolint:forbidigo // of the kernel: version 2, since Linux 5.14
	}
	for _, f := range g.folders {
		_ = freeze(f, true) // killing works without
	}
	return errors.Join(g.killListed(), g.walk(func(folder string) error { return freeze(folder, false) }))
}

// freeze freezes or thaws a folder's processes and those below it, as far as its tree
// does that.
func freeze(folder string, frozen bool) error {
	for file, states := range map[string][2]string{"freezer.state": {"THAWED", "FROZEN"}, "cgroup.freeze": {"0", "1"}} {
		path, state := filepath.Join(folder, file), states[0]
		if frozen {
			state = states[1]
		}
		if _, err := os.Stat(path); err != nil {
			continue
		}
		err := os.WriteFile(path, []byte(state), 0) //nolint:forbidigo // of the kernel
		if err != nil && !gone(err) {
			return err
		}
	}
	return nil
}

// killListed kills each process of the group. A pidfd holds on to whatever bears the
// number by then; what is listed still when all are held is of the group.
func (g Group) killListed() error {
	pids, err := g.Processes()
	if err != nil {
		return err
	}
	held := map[int]int{}
	defer func() {
		for _, fd := range held {
			_ = unix.Close(fd)
		}
	}()
	var errs []error
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		switch {
		case err == nil:
			held[pid] = fd
		case pid > 0 && !errors.Is(err, unix.ESRCH):
			errs = append(errs, fmt.Errorf("process %d: %w", pid, err))
		}
	}
	still, err := g.Processes()
	errs = append(errs, err)
	for _, pid := range still {
		fd, ok := held[pid]
		if !ok {
			continue // it came meanwhile: the next round has it
		}
		if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			errs = append(errs, fmt.Errorf("kill process %d: %w", pid, err))
		}
	}
	return errors.Join(errs...)
}

// these names processes as a reader would look for them.
func these(pids []int) string {
	words := make([]string, len(pids))
	for i, pid := range pids {
		words[i] = strconv.Itoa(pid)
		if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil {
			words[i] += " (" + strings.TrimSpace(string(name)) + ")"
		}
	}
	if len(words) == 1 {
		return "process " + words[0]
	}
	return "processes " + strings.Join(words, ", ")
}

// Remove removes the group with the groups below it, which are empty. It waits for the
// kernel to let go of one whose last process has just ended, until ctx ends. A group
// that is not there is no error.
func (g Group) Remove(ctx context.Context) error {
	for {
		var errs []error
		for _, f := range g.folders {
			errs = append(errs, removeFrom(f))
		}
		err := errors.Join(errs...)
		if !errors.Is(err, unix.EBUSY) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no process can be seen in control group %s, and the kernel does not remove it (it may have some of another PID namespace): %w", g.path, err)
		case <-time.After(look):
		}
	}
}

// removeFrom removes a folder and those below it, the lowest first.
func removeFrom(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil && !gone(err) {
		return err
	}
	for _, d := range entries {
		if d.IsDir() {
			if err := removeFrom(filepath.Join(folder, d.Name())); err != nil {
				return err
			}
		}
	}
	if err := os.Remove(folder); err != nil && !gone(err) {
		return err
	}
	return nil
}
