//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// orphanStack writes a line of its own into a volume all the time.
const orphanStack = `
services:
  a:
    image: stackup.test/busybox:1
    init: true
    stop_grace_period: 0s
    environment: {WHO: "${WHO}"}
    command: ["sh", "-c", "while :; do echo $$WHO >> /data/log; sleep 0.05; done"]
    volumes: [data:/data]
volumes: {data: {}}
`

// Intent: the shim is killed, and so is what clears up after it: the container's
// processes go on, and containerd has no task of them. ps and plan say so; an up ends
// them before anything else writes to their volume.
func TestUpEndsOrphans(t *testing.T) {
	w, before := orphanedWorld(t, orphanStack)
	if row := w.ps()["a.1"]; row.State != "running" || !strings.Contains(row.Status, "(orphaned)") {
		t.Errorf("ps says %s, %s", row.State, row.Status)
	}
	if plan := w.run("plan", "--exit-code"); plan.code != 2 || !strings.Contains(plan.out, "engine has lost") {
		t.Errorf("plan: exit %d\n%s", plan.code, plan.out)
	}
	waits := w.cmd("wait", "a") // looks at it all the time
	check(t, waits.Start())
	w.env = append(w.env, "WHO=second")
	w.must("up", "-d")
	w.gone(before)
	w.converged(1)
	w.oneWriter()
	waits.Process.Kill()
	waits.Wait()
	w.eventually("the second one writes", func() bool { return strings.Contains(w.must("exec", "-T", "a", "cat", "/data/log").out, "second") })
	if log := w.must("exec", "-T", "a", "cat", "/data/log").out; strings.Contains(log[strings.Index(log, "second"):], "first") {
		t.Errorf("both wrote at once:\n%s", log)
	}
	w.must("down", "-v")
}

// Intent: an up of the same file starts such a container anew.
func TestUpStartsOrphansAnew(t *testing.T) {
	w, before := orphanedWorld(t, orphanStack, only(embedded))
	w.must("up", "-d")
	w.gone(before)
	w.converged(1)
	w.must("down", "-v")
}

// Intent: no volume is deleted under a process that still runs.
func TestDownEndsOrphans(t *testing.T) {
	w, before := orphanedWorld(t, orphanStack)
	w.must("down", "-v")
	w.gone(before)
}

// Intent: stop ends them too, and a restart policy brings the container back.
func TestOrphansOfOtherCommands(t *testing.T) {
	w, before := orphanedWorld(t, orphanStack, only(embedded))
	w.must("stop")
	w.gone(before)
	w.file("stack.yaml", strings.Replace(orphanStack, "init: true", "init: true\n    restart: always", 1))
	w.must("up", "-d")
	before = strings.Fields(w.pidsOf("shop"))
	w.loseTask("a")
	w.eventually("the supervisor has started it again", func() bool {
		now := w.ps()["a.1"]
		return now.State == "running" && now.Restarts == 1 && !strings.Contains(now.Status, "(orphaned)")
	})
	w.gone(before)
	w.must("down", "-v")
}

// Intent: kill ends them, also in a control group of the file's choice; nobody takes
// their files for those of a container that has ended.
func TestKillEndsOrphans(t *testing.T) {
	stack := strings.Replace(orphanStack, "init: true", "init: true\n    cgroup_parent: e2e-orphans", 1)
	w, before := orphanedWorld(t, stack, onCgroup2(), only(embedded))
	w.refused("containerd has lost it", "cp", "a:/data/log", "log")
	w.must("rm", "-f") // of what does not run
	if row := w.ps()["a.1"]; row.State != "running" {
		t.Errorf("after rm it is %s", row.State)
	}
	w.must("kill")
	w.gone(before)
	w.must("down", "-v")
}

// orphanedWorld returns a world with a stack whose service a containerd has lost, and
// the processes of that which go on.
func orphanedWorld(t *testing.T, stack string, options ...worldOption) (w *world, before []string) {
	t.Helper()
	w = newWorld(t, options...)
	w.env = append(w.env, "WHO=first")
	w.file("stack.yaml", stack)
	w.must("up", "-d")
	return w, w.orphan("a")
}

// orphan has containerd lose the task of a service's container, and returns the
// processes that go on.
func (w *world) orphan(service string) []string {
	w.t.Helper()
	w.loseTask(service)
	w.eventually("containerd has no task of "+service, func() bool {
		return strings.Contains(w.ps("-a")[service+".1"].Status, "(orphaned)")
	})
	pids := strings.Fields(w.pidsOf("shop"))
	if len(pids) == 0 {
		w.t.Fatal("nothing runs any more")
	}
	return pids
}

// loseTask kills the shim of a service, and keeps containerd's clean-up from ending the
// container: the OCI runtime that it calls fails.
func (w *world) loseTask(service string) {
	w.t.Helper()
	called := filepath.Join(w.dir, "called")
	back := w.inPlaceOf(w.ociRuntime(),
		"#!/bin/sh\ncase \"$*\" in *delete*) : > "+called+";; esac\nexit 1\n")
	check(w.t, syscall.Kill(shimOf(w.t, w, "shop-"+service+"-1"), syscall.SIGKILL))
	w.eventually("containerd has failed to clean up", func() bool { _, err := os.Stat(called); return err == nil })
	back()
	check(w.t, os.Remove(called))
}

// gone fails the test if one of these processes runs.
func (w *world) gone(pids []string) {
	w.t.Helper()
	for _, pid := range pids {
		b, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
		if err == nil && !strings.Contains(string(b), ") Z ") {
			w.t.Errorf("process %s runs: %s", pid, b)
		}
	}
}
