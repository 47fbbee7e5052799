package ctrd

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/spec"
)

func remainsEngine(t *testing.T) *Engine {
	t.Helper()
	dir := t.TempDir()
	d, err := statedir.New(filepath.Join(dir, "r"), filepath.Join(dir, "s"))
	fatal(t, err)
	return &Engine{Config: Config{Dirs: d, Embedded: true}}
}

// Intent: a bundle goes with its working folder and what is mounted in it; what is
// below a mount that cannot be taken away stays.
func TestRemoveBundle(t *testing.T) {
	e := remainsEngine(t)
	bundles, err := e.bundles("web-1")
	fatal(t, err)
	bundle, work := bundles[0], filepath.Join(t.TempDir(), "web-1")
	fatal(t, os.MkdirAll(filepath.Join(bundle, "rootfs"), 0o755))
	fatal(t, os.MkdirAll(filepath.Join(work, "x"), 0o755))
	fatal(t, os.Symlink(work, filepath.Join(bundle, "work")))
	precious := t.TempDir()
	fatal(t, os.WriteFile(filepath.Join(precious, "data"), []byte("1"), 0o600))
	if err := unix.Mount(precious, filepath.Join(bundle, "rootfs"), "", unix.MS_BIND, ""); err != nil {
		t.Skip("this needs root: ", err)
	}
	fatal(t, removeBundle(bundle))
	for _, path := range []string{bundle, work} {
		if exists(path) {
			t.Errorf("%s is there", path)
		}
	}
	if !exists(filepath.Join(precious, "data")) {
		t.Error("what was mounted has been emptied")
	}
	fatal(t, removeBundle(bundle)) // again is no error
}

// TestRemoveBundleSparesARoot: files in a root that is no mount are of a mount that
// somebody has just made or moved; they are not ours to delete.
func TestRemoveBundleSparesARoot(t *testing.T) {
	bundle := filepath.Join(t.TempDir(), "web-1")
	fatal(t, os.MkdirAll(filepath.Join(bundle, "rootfs/etc"), 0o755))
	if err := removeBundle(bundle); err == nil || !exists(filepath.Join(bundle, "rootfs/etc")) {
		t.Errorf("error %v", err)
	}
}

// Intent: who is at work on a container is found, and one that does not end is killed.
func TestAwaitRuntime(t *testing.T) {
	e := remainsEngine(t)
	state := filepath.Join(e.Dirs.RuncRoot(), e.Dirs.Namespace())
	for name, args := range map[string][]string{
		"an OCI runtime":    {"--root", state, "create", "web-1"},
		"a shim's program":  {"-namespace", e.Dirs.Namespace(), "-id", "web-1", "delete"},
		"of another's":      {"-namespace", e.Dirs.Namespace(), "-id", "web-2", "delete"},
		"a look":            {"--root", state, "events", "web-1"},
		"of another engine": {"--root", "/run/runc/default", "create", "web-1"},
		"the shim itself":   {"-namespace", e.Dirs.Namespace(), "-id", "web-1"},
	} {
		t.Run(name, func(t *testing.T) {
			c := exec.Command("sh", append([]string{"-c", "read _; exit 0", "sh"}, args...)...)
			in, err := c.StdinPipe()
			fatal(t, err)
			fatal(t, c.Start())
			defer func() { _ = in.Close() }()
			want := name == "an OCI runtime" || name == "a shim's program"
			if got := slices.Contains(e.runtimesAtWork("web-1"), c.Process.Pid); got != want {
				t.Errorf("found: %t, want %t", got, want)
			}
			fatal(t, e.awaitRuntime(t.Context(), "web-1", 50*time.Millisecond))
			if !want {
				_ = in.Close()
			}
			if killed := c.Wait() != nil; killed != want {
				t.Errorf("killed: %t", killed)
			}
		})
	}
}

// TestDisturbed: the mark stays until it is taken away, and a container without a
// folder needs none.
func TestDisturbed(t *testing.T) {
	e := remainsEngine(t)
	fatal(t, e.disturb("web-1"))
	if e.disturbed("web-1") {
		t.Error("a container without a folder is marked")
	}
	fatal(t, os.MkdirAll(e.Dirs.Container("web-1"), 0o700))
	fatal(t, e.disturb("web-1"))
	if !e.disturbed("web-1") {
		t.Error("it is not marked")
	}
	fatal(t, e.settle("web-1"))
	fatal(t, e.settle("web-1"))
	if e.disturbed("web-1") {
		t.Error("it is marked still")
	}
}

// inGroup runs a program in a control group that is made for it, in one tree.
func inGroup(t *testing.T, path string) (pid int, folder string) {
	t.Helper()
	for _, tree := range []string{"freezer", ""} {
		folder = filepath.Join(cgroupRoot, tree, path)
		if exists(filepath.Join(cgroupRoot, tree, "cgroup.procs")) && os.MkdirAll(folder, 0o755) == nil { //nolint:gosec // as the OCI runtime makes them
			c := exec.Command("sleep", "1000")
			fatal(t, c.Start())
			t.Cleanup(func() { _ = c.Process.Kill() })
			go func() { _ = c.Wait() }()
			fatal(t, os.WriteFile(filepath.Join(folder, "cgroup.procs"), []byte(strconv.Itoa(c.Process.Pid)), 0o600))
			t.Cleanup(func() {
				for f := folder; filepath.Base(filepath.Dir(f)) != "cgroup" && filepath.Base(f) != "freezer"; f = filepath.Dir(f) {
					_ = os.Remove(f)
				}
			})
			return c.Process.Pid, folder
		}
	}
	t.Skip("no control group can be made here: this needs root")
	return 0, ""
}

// noContainers is a store of records that has none.
type noContainers struct{ containers.Store }

func (noContainers) Get(context.Context, string) (containers.Container, error) {
	return containers.Container{}, errdefs.ErrNotFound
}

// Intent: the processes of a container are found and ended wherever its control group
// is: below our own, below one of the service's choice, and where runc says.
func TestClearRemainsEndsProcesses(t *testing.T) {
	e := unconnected(t)
	e.Log = slog.New(slog.DiscardHandler)
	var err error
	e.client, err = containerd.New("", containerd.WithServices(containerd.WithContainerStore(noContainers{})))
	fatal(t, err)
	const id = "web-1"
	ours := filepath.Join("/", e.Dirs.Namespace(), id)
	for name, tt := range map[string]struct {
		path    string
		prepare func(folder string)
	}{
		"below our own": {ours, func(string) {}},
		"below one of the service's choice": {"/stackup-test-parent" + ours, func(string) {
			fatal(t, e.noteParent(&spec.Service{CgroupParent: "/stackup-test-parent"}))
		}},
		"where runc says": {"/stackup-test-other" + ours, func(folder string) {
			fatal(t, os.MkdirAll(e.runtimeState(id), 0o700))
			state := `{"cgroup_paths": {"freezer": "` + folder + `", "pids": "/sys/fs/cgroup/none"}}`
			fatal(t, os.WriteFile(filepath.Join(e.runtimeState(id), "state.json"), []byte(state), 0o600))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			pid, folder := inGroup(t, tt.path)
			tt.prepare(folder)
			p, err := e.places()
			fatal(t, err)
			pids, err := processesOf(e.groupsOf(p, id))
			if err != nil || !slices.Equal(pids, []int{pid}) {
				t.Errorf("processes %v, %v; want %d", pids, err, pid)
			}
			e.RuntimeBin = "false" // nobody has ever made the container
			_, err = e.clearRemains(t.Context(), id)
			fatal(t, err)
			if exists(folder) || exists(e.runtimeState(id)) {
				t.Errorf("%s or %s is there", folder, e.runtimeState(id))
			}
			_, err = e.clearRemains(t.Context(), id)
			fatal(t, err) // again is no error
		})
	}
}

// Intent: what another PID namespace has started is somebody else's; a container of ours,
// which has its own, is not, whatever namespaces are in it.
func TestOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("namespaces need root")
	}
	c := exec.Command("unshare", "--pid", "--fork", "sleep", "1000")
	c.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWPID, Pdeathsig: unix.SIGKILL}
	fatal(t, c.Start())
	first := c.Process.Pid
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() }) // all of its namespaces end with it
	var nested []int
	for len(nested) == 0 {
		time.Sleep(time.Millisecond)
		nested = childrenByParent()[first]
	}
	for name, tt := range map[string]struct {
		pids []int
		want bool
	}{
		"none":                     {nil, false},
		"this process":             {[]int{os.Getpid()}, false},
		"a container of ours":      {[]int{first}, false},
		"one in a container":       {nested, true},
		"ours with one in it":      {append(nested, first), false},
		"of a namespace not known": {[]int{0}, true},
		"what has ended":           {[]int{1 << 30}, false},
	} {
		if got := others(tt.pids); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestNotedByRuntime: a state that is damaged names no group.
func TestNotedByRuntime(t *testing.T) {
	e := remainsEngine(t)
	fatal(t, os.MkdirAll(e.runtimeState("web-1"), 0o700))
	for text, want := range map[string][]string{
		"": nil, "{": nil, "{}": nil, `{"cgroup_paths": []}`: nil,
		`{"cgroup_paths": {"a": "/x", "b": "/y", "c": "/x"}}`: {"/x", "/y"},
	} {
		fatal(t, os.WriteFile(filepath.Join(e.runtimeState("web-1"), "state.json"), []byte(text), 0o600))
		if got := e.notedByRuntime("web-1"); !slices.Equal(got, want) {
			t.Errorf("%s: %v", text, got)
		}
	}
}
