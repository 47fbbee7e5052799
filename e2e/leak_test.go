//go:build e2e

package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// traces is everything on the machine that a stack could leave behind, one
// entry each.
type traces map[string]bool

// rebase makes what there is now what there must be again at the end of the test.
// newWorld has done it; a test that lays something beneath its scenario does it again.
// It waits until two looks in a row see the same: a helper that runs by now may hold a
// lock at the first.
func (w *world) rebase() {
	w.t.Helper()
	w.before = w.traces()
	w.settles("the machine does not come to rest", func() []string {
		now := w.traces()
		diff := difference(w.before, now)
		w.before = now
		return diff
	})
}

// mayStay lets the test leave traces that begin with one of these texts, as a build
// leaves its cache.
func (w *world) mayStay(beginnings ...string) { w.stays = append(w.stays, beginnings...) }

// mayKeepBuildCache lets the test leave what BuildKit keeps for the next build.
func (w *world) mayKeepBuildCache() {
	w.mayStay("lease ", "snapshot ", "folder "+w.root()+"/buildkit", "file "+w.root()+"/buildkit")
}

// nothingLeft fails the test if the machine is not as it was when the test began, or
// does not become so within the time that helpers need to end. Tests that take a
// stack down many times call it each time; the clean-up calls it for all.
func (w *world) nothingLeft() {
	w.t.Helper()
	w.settles("left behind, or lost", func() []string {
		if diff := difference(w.before.of("process "), w.processTraces()); len(diff) > 0 {
			return diff // helpers end by themselves; the rest is looked at when they have
		}
		return slices.DeleteFunc(difference(w.before, w.traces()), func(line string) bool {
			return slices.ContainsFunc(w.stays, func(s string) bool { return strings.HasPrefix(line[2:], s) })
		})
	})
	if !w.t.Failed() {
		return
	}
	left := processesOf(w.dir)
	maps.DeleteFunc(left, func(_ int, what string) bool { // the engine may stay
		return !strings.Contains(what, "__supervise") && !strings.Contains(what, "stackup-logger")
	})
	if len(left) > 0 {
		w.endLeft(left)
	}
}

// settles waits for left to be nothing, as long as helpers need to end after
// the last container, and fails the test if it does not come to that.
func (w *world) settles(what string, left func() []string) {
	w.t.Helper()
	limit := within(8 * time.Second)
	pause := 25 * time.Millisecond
	for {
		now := left()
		if len(now) == 0 {
			return
		}
		if limit.passed() {
			w.t.Errorf("%s:\n%s", what, strings.Join(now, "\n"))
			return
		}
		time.Sleep(pause)
		pause = min(2*pause, 400*time.Millisecond)
	}
}

func difference(before, after traces) (out []string) {
	for _, k := range slices.Sorted(maps.Keys(after)) {
		if !before[k] {
			out = append(out, "+ "+k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(before)) {
		if !after[k] {
			out = append(out, "- "+k)
		}
	}
	return out
}

// traces lists what there is on the machine now.
func (w *world) traces() traces {
	w.t.Helper()
	t := w.processTraces()
	for _, m := range mountsBelow("/") {
		t["mount "+m] = true
	}
	t.links(w.t)
	t.lines("nft", w.t, "nft", "list", "ruleset") // iptables' too, but for those of its elder kind
	if b, _ := os.ReadFile("/proc/net/ip_tables_names"); len(b) > 0 {
		t.lines("iptables", w.t, "iptables-legacy-save")
	}
	for _, file := range loopFiles(w.dir) {
		t["loop device of "+file] = true
	}
	w.fileTraces(t)
	w.engineTraces(t)
	cgroupTraces(w.root(), t)
	w.withoutShared(t)
	return t
}

// processTraces lists the processes of this world, but not its engine.
func (w *world) processTraces() traces {
	t := traces{}
	for _, what := range processesOf(w.dir) {
		if !strings.Contains(what, "engine run") && !strings.Contains(what, "containerd.toml") {
			t["process "+what] = true // without its ID: helpers may be replaced
		}
	}
	return t
}

// of returns the traces that begin with a text.
func (t traces) of(beginning string) traces {
	out := traces{}
	for k := range t {
		if strings.HasPrefix(k, beginning) {
			out[k] = true
		}
	}
	return out
}

// withoutShared takes out the folders that all stacks of a world share, as
// long as one of them lives: they are a leak only when it is the last that went.
func (w *world) withoutShared(t traces) {
	lives := false
	for k := range t {
		lives = lives || strings.HasPrefix(k, "container "+namespaceOf(w.root())+"/")
	}
	for k := range t {
		path, ok := strings.CutPrefix(k, "folder ")
		if top := filepath.Dir(path); lives && ok && (top == w.root() || top == w.state() || top == filepath.Join(w.state(), "exec")) {
			delete(t, k)
		}
	}
}

// links adds the network's links, with what our work could change of them.
func (t traces) links(tt *testing.T) {
	tt.Helper()
	all, err := netlink.LinkList()
	check(tt, err)
	for _, l := range all {
		a := l.Attrs()
		t[fmt.Sprintf("link %d %s %s mtu %d master %d %s %s", a.Index, a.Name, l.Type(), a.MTU, a.MasterIndex, a.HardwareAddr, a.Flags)] = true
	}
}

// lines adds what a program prints, without counters that change by themselves.
func (t traces) lines(kind string, tt *testing.T, name string, args ...string) {
	tt.Helper()
	out, err := command(tt, 20*time.Second, name, args...).Output()
	if err != nil {
		tt.Fatalf("%s: %v", name, err)
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ":") {
			continue
		}
		t[kind+" "+strings.TrimSpace(line)] = true
	}
}

// fileTraces lists our files and folders, but not the engine's own.
func (w *world) fileTraces(t traces) {
	tops := []string{
		w.root(), w.state(), "/var/lib/cni", "/run/netns", "/run/containerd/s", // shims' sockets
		"/run/containerd/runc/" + namespaceOf(w.root()), // where an engine older than ours may put it
	}
	held := heldLocks(w.t)
	for _, top := range tops {
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil // gone meanwhile, or never there
			}
			rel := strings.TrimPrefix(strings.TrimPrefix(path, w.root()), w.state())
			switch {
			case d.IsDir() && rel == "/engine":
				return fs.SkipDir
			case d.IsDir() && (path == top || rel == "/locks" || rel == "/s"): // folders that may stay; /s has the shims' sockets
				return nil
			case strings.HasPrefix(rel, "/engine."), strings.HasPrefix(rel, "/events.jsonl"), strings.HasPrefix(rel, "/helpers.log"), rel == "/locks/engine":
				return nil
			case strings.HasPrefix(rel, "/locks/") && rel != "/locks/logger" && rel != "/locks/supervisor" && held[inode(d)]:
				return nil // of something that is being done just now, as by the supervisor, and ends by itself
			case d.IsDir():
				t["folder "+path] = true
			default:
				t["file "+path] = true
			}
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// heldLocks returns the files that somebody has locked with flock(2), as inode names
// them (proc(5), /proc/locks).
func heldLocks(t *testing.T) map[string]bool {
	t.Helper()
	b, err := os.ReadFile("/proc/locks")
	check(t, err)
	held := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 8 && f[1] == "FLOCK" { // a ninth has an arrow: it waits for a lock
			held[f[5]] = true
		}
	}
	return held
}

// inode names a file by its device and inode: empty if it is gone.
func inode(d fs.DirEntry) string {
	info, err := d.Info()
	if err != nil {
		return ""
	}
	st := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
}

// namespaceOf is the containerd namespace of a world, which is also the name
// of its control groups' parent.
func namespaceOf(root string) string {
	sum := sha256.Sum256([]byte(root))
	return "stackup-" + hex.EncodeToString(sum[:3])
}

// containerd connects to the engine itself. The context is of its namespace that the
// world's stacks are in, and ends 20 seconds later. The caller closes.
func (w *world) containerd() (ctx context.Context, c *containerd.Client, closes func()) {
	w.t.Helper()
	c, err := containerd.New(w.socket())
	check(w.t, err)
	ctx, cancel := within(20 * time.Second).context()
	return namespaces.WithNamespace(ctx, namespaceOf(w.root())), c, func() {
		cancel()
		c.Close()
	}
}

// engineTraces asks containerd itself.
func (w *world) engineTraces(t traces) {
	w.t.Helper()
	ctx, c, closes := w.containerd()
	defer closes()
	all, err := c.NamespaceService().List(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, ns := range all {
		w.namespaceTraces(namespaces.WithNamespace(ctx, ns), c, ns, t)
	}
}

// namespaceTraces adds what containerd has in one of its namespaces.
func (w *world) namespaceTraces(ctx context.Context, c *containerd.Client, ns string, t traces) {
	w.t.Helper()
	add := func(kind, id string) { t[kind+" "+ns+"/"+id] = true }
	cs, err := c.ContainerService().List(ctx)
	check(w.t, err)
	for _, x := range cs {
		add("container", x.ID)
	}
	ts, err := c.TaskService().List(ctx, &tasksapi.ListTasksRequest{})
	check(w.t, err)
	for _, x := range ts.Tasks {
		add("task", x.ID)
	}
	ls, err := c.LeasesService().List(ctx)
	check(w.t, err)
	for _, x := range ls {
		add("lease", x.ID)
	}
	if w.kind != containerdDeb { // it knows none
		sbs, err := c.SandboxStore().List(ctx)
		check(w.t, err)
		for _, x := range sbs {
			add("sandbox", x.ID)
		}
	}
	check(w.t, c.SnapshotService("overlayfs").Walk(ctx, func(_ context.Context, i snapshots.Info) error {
		if i.Kind != snapshots.KindCommitted {
			add("snapshot", i.Name)
		}
		return nil
	}))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cgroupTraces lists the control groups of a world, its parent groups too, on
// both versions of control groups.
func cgroupTraces(root string, t traces) {
	ns := namespaceOf(root)
	for _, pattern := range []string{"/sys/fs/cgroup/" + ns, "/sys/fs/cgroup/*/" + ns} {
		found, _ := filepath.Glob(pattern) // the pattern is good
		for _, top := range found {
			filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					t["cgroup "+path] = true
				}
				return nil // what is gone meanwhile has not been left behind
			})
		}
	}
}

// processesOf gives the command lines of the processes that name a folder, or any
// other text, in them.
func processesOf(text string) map[int]string {
	out := map[int]string{}
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range procs {
		b, err := os.ReadFile(filepath.Join(p, "cmdline"))
		if err != nil || !strings.Contains(string(b), text) {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(p), "%d", &pid); err == nil && pid != os.Getpid() {
			out[pid] = strings.ReplaceAll(string(b), "\x00", " ")
		}
	}
	return out
}

// loopFiles gives the files below dir that have a loop device.
func loopFiles(dir string) (out []string) {
	backing, _ := filepath.Glob("/sys/block/loop*/loop/backing_file") // the pattern is good
	for _, b := range backing {
		if name, err := os.ReadFile(b); err == nil && strings.HasPrefix(string(name), dir) {
			out = append(out, strings.TrimSpace(string(name)))
		}
	}
	return out
}

// mountsBelow gives the mount points below dir.
func mountsBelow(dir string) (out []string) {
	b, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], dir) {
			out = append(out, f[4])
		}
	}
	return out
}

// Intent: the leak check sees a lock that was left, and not one that the supervisor
// holds for a moment while the measure is taken.
func TestLeakCheckKnowsLocks(t *testing.T) {
	w := newWorld(t, only(embedded))
	path := filepath.Join(w.state(), "locks", "container-x")
	check(t, os.MkdirAll(filepath.Dir(path), 0o700))
	f, err := os.Create(path)
	check(t, err)
	seen := func() bool { tr := traces{}; w.fileTraces(tr); return tr["file "+path] }
	if !seen() {
		t.Error("a lock that nobody holds is not seen")
	}
	check(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
	if seen() {
		t.Error("a lock that is held counts as left")
	}
	check(t, f.Close())
	check(t, os.Remove(path))
}
