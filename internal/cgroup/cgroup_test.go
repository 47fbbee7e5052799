package cgroup

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// made makes a control group in each tree that has a freezer or is of version 2, which
// is enough to run a process in, and removes it when the test ends.
func made(t *testing.T) Group {
	t.Helper()
	path := filepath.Join("/stackup-cgroup-test", strconv.Itoa(os.Getpid()), t.Name())
	one := false
	for _, tree := range []string{"freezer", "pids", "memory", "unified", ""} {
		f := filepath.Join(root, tree)
		if _, err := os.Stat(filepath.Join(f, procs)); err == nil && os.MkdirAll(filepath.Join(f, path), 0o755) == nil {
			one = true
		}
	}
	if !one {
		t.Skip("no control group can be made here: this needs root")
	}
	g := trees(t).At(path)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		if err := errors.Join(g.Kill(ctx), trees(t).At("/stackup-cgroup-test").Remove(ctx)); err != nil {
			t.Error(err)
		}
	})
	return g
}

func trees(t *testing.T) Trees {
	t.Helper()
	out, err := Mounted()
	fatal(t, err)
	return out
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run starts a program in all folders of the group, below sub of each.
func run(t *testing.T, g Group, sub string, args ...string) int {
	t.Helper()
	script := "read _; exec \"$@\""
	c := exec.Command("sh", append([]string{"-c", script, "sh"}, args...)...)
	in, err := c.StdinPipe()
	fatal(t, err)
	fatal(t, c.Start())
	for _, f := range g.folders {
		fatal(t, os.MkdirAll(filepath.Join(f, sub), 0o755))
		fatal(t, os.WriteFile(filepath.Join(f, sub, procs), []byte(strconv.Itoa(c.Process.Pid)), 0))
	}
	fatal(t, in.Close())
	go func() { _ = c.Wait() }() // it is killed
	return c.Process.Pid
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// Intent: whatever a group has is found and ended: in groups below it, in one tree
// alone, frozen, and starting more all the time.
func TestKill(t *testing.T) {
	tests := map[string]func(*testing.T, Group){
		"a process":         func(t *testing.T, g Group) { run(t, g, "", "sleep", "1000") },
		"in a group below":  func(t *testing.T, g Group) { run(t, g, "a/b", "sleep", "1000") },
		"in one tree alone": func(t *testing.T, g Group) { run(t, Group{folders: g.folders[:1]}, "", "sleep", "1000") },
		"it starts more": func(t *testing.T, g Group) {
			run(t, g, "", "sh", "-c", "for i in $(seq 200); do sh -c 'sleep 0.01; sleep 1000' & done; wait")
		},
		"frozen": func(t *testing.T, g Group) {
			run(t, g, "", "sleep", "1000")
			for _, f := range g.folders {
				fatal(t, freeze(f, true))
			}
		},
		"frozen below": func(t *testing.T, g Group) {
			run(t, g, "a/b", "sleep", "1000")
			for _, f := range g.folders {
				fatal(t, freeze(filepath.Join(f, "a/b"), true))
			}
		},
	}
	for name, begin := range tests {
		t.Run(name, func(t *testing.T) {
			g := made(t)
			begin(t, g)
			pids, err := g.Processes()
			if err != nil || len(pids) == 0 {
				t.Fatalf("processes %v, %v", pids, err)
			}
			fatal(t, g.Kill(limited(t)))
			if pids, err := g.Processes(); err != nil || len(pids) != 0 {
				t.Errorf("processes %v, %v", pids, err)
			}
			for _, pid := range pids {
				if b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err == nil && !strings.Contains(string(b), ") Z ") {
					t.Errorf("process %d runs", pid)
				}
			}
			fatal(t, g.Remove(limited(t)))
			if g := trees(t).At(g.path); g.Exists() {
				t.Errorf("it is in %v", g.folders)
			}
		})
	}
}

// TestFoldersOfVersion2AreNoTrees: a group of the same name in somebody else's group,
// as an LXC guest has it, is not ours.
func TestFoldersOfVersion2AreNoTrees(t *testing.T) {
	g := made(t)
	for _, tree := range trees(t) {
		if !hasType(tree, unix.CGROUP_SUPER_MAGIC) && !hasType(tree, unix.CGROUP2_SUPER_MAGIC) {
			t.Errorf("%s is no tree", tree)
		}
	}
	if hasType(root, unix.CGROUP2_SUPER_MAGIC) {
		fatal(t, os.MkdirAll(filepath.Join(g.folders[0], "guest"), 0o755))
		if _, below, _ := strings.Cut(g.path[1:], "/"); below != "" {
			if other := trees(t).At("/" + below); other.Exists() {
				t.Errorf("%s is in %v", below, other.folders)
			}
		}
	}
}

// TestOf: a group is found by what an OCI runtime has noted of it. What is no control
// group does not count.
func TestOf(t *testing.T) {
	g := made(t)
	noted := append([]string{t.TempDir(), root + "/../../etc", filepath.Join(g.folders[0], "none")}, g.folders...)
	if got := trees(t).Of(noted); got.path != g.path || !slices.Equal(got.folders, g.folders) {
		t.Errorf("%+v, want %+v", got, g)
	}
	if trees(t).Of(noted[:3]).Exists() {
		t.Error("what is no control group was taken for one")
	}
}

// Intent: processes of another PID namespace are left alone, and named. They are listed
// as 0 by version 2: here by a folder that is made to look like one.
func TestKillSparesOtherNamespaces(t *testing.T) {
	dir := t.TempDir()
	c := exec.Command("sleep", "1000")
	fatal(t, c.Start())
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	fatal(t, os.WriteFile(filepath.Join(dir, procs), []byte("0\n"+strconv.Itoa(c.Process.Pid)+"\n"), 0o600))
	err := Group{path: "/shop", folders: []string{dir}}.Kill(t.Context())
	if err == nil || !strings.Contains(err.Error(), "another PID namespace") {
		t.Errorf("error %v", err)
	}
	if err := c.Process.Signal(unix.Signal(0)); err != nil {
		t.Errorf("our process: %v", err)
	}
}

// TestNoGroup: nothing to do is no error.
func TestNoGroup(t *testing.T) {
	g := trees(t).At("/stackup-cgroup-test/none")
	pids, err := g.Processes()
	if g.Exists() || len(pids) > 0 || err != nil {
		t.Errorf("exists %t, processes %v, %v", g.Exists(), pids, err)
	}
	fatal(t, errors.Join(g.Kill(t.Context()), g.Remove(t.Context())))
}

// TestKillNamesWhatIsLeft: a reader can look for it.
func TestKillNamesWhatIsLeft(t *testing.T) {
	g := made(t)
	pid := run(t, g, "", "sleep", "1000")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("no more time"))
	err := g.Kill(ctx)
	if err == nil || !strings.Contains(err.Error(), strconv.Itoa(pid)) || !strings.Contains(err.Error(), "no more time") {
		t.Errorf("error %v", err)
	}
}
