//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
)

// The containers of a stack share a shim. If it is killed, restart policies
// and the next up bring them back, and no other stack notices.
func TestShimKilled(t *testing.T) {
	w := newWorld(t)
	canary := w.canary()
	w.rebase() // the canary stays
	w.file("stack.yaml", `
services:
  again: {image: stackup.test/busybox:1, restart: always, stop_grace_period: 0s}
  once: {image: stackup.test/busybox:1, stop_grace_period: 0s}
`)
	w.must("up", "-d")
	shim := shimOf(t, w, "shop-again-1")
	if other := shimOf(t, w, "shop-once-1"); other != shim {
		t.Errorf("shims %d and %d, want one for the stack", shim, other)
	}
	before := w.pidsOf("shop")
	check(t, syscall.Kill(shim, syscall.SIGKILL))
	w.eventually("the one with a policy is back", func() bool {
		now, ps := w.pidsOf("shop"), w.ps()
		return len(ps) == 1 && ps["again.1"].State == "running" && now != "" && !strings.Contains(before, now)
	})
	w.must("up", "-d")
	w.converged(2)
	canary()
	w.must("down")
}

// Intent: an engine that starts gives up a shim which does not answer, clears its
// containers away and makes up an end of them. How they ended is known all the same, up
// brings them back, and the shim, which keeps what it knew, goes with its stack.
func TestShimGivenUp(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  over: {image: stackup.test/busybox:1, command: ["sh", "-c", "busybox rm -f /go; until [ -e /go ]; do sleep 0.1; done; exit 7"], stop_grace_period: 0s}
`)
	w.must("up", "-d")
	shim := shimOf(t, w, "shop-over-1")
	w.killEngine(syscall.SIGKILL)
	check(t, syscall.Kill(w.helper("supervisor"), syscall.SIGKILL)) // nobody else sees the end
	w.eventually("it has ended", func() bool {
		pids := processesIn(w, "shop-over-1")
		for pid := range pids {
			os.WriteFile("/proc/"+pid+"/root/go", nil, 0o644) // of a passing child there may be none
		}
		return len(pids) == 0
	})
	w.shimGivenUp(shim, "shop-over-1-g1")
	check(t, syscall.Kill(shim, syscall.SIGCONT))
	w.eventually("its end is known", func() bool {
		over := w.ps("-a")["over.1"]
		return over.State == "exited" && over.ExitCode == 7
	})
	w.must("up", "-d")
	w.converged(1)
	w.must("down")
}

// Intent: a shim that has been given up, and hangs for good, goes with its stack.
func TestHungShimGoes(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  a: {image: stackup.test/busybox:1, stop_grace_period: 0s}
`)
	w.must("up", "-d")
	shim := shimOf(t, w, "shop-a-1")
	w.killEngine(syscall.SIGKILL)
	w.shimGivenUp(shim, "shop-a-1-g1")
	w.must("down")
}

// shimGivenUp stops a shim while the engine starts, which then knows no task of the
// container.
func (w *world) shimGivenUp(shim int, id string) {
	w.t.Helper()
	check(w.t, syscall.Kill(shim, syscall.SIGSTOP))
	w.engineBack()
	ctx, c, closes := w.containerd()
	defer closes()
	if _, err := c.TaskService().Get(ctx, &tasks.GetRequest{ContainerID: id}); !errdefs.IsNotFound(errgrpc.ToNative(err)) {
		w.t.Fatalf("containerd says of the task: %v", err)
	}
}

// shimOf is the parent of a container's first process.
func shimOf(t *testing.T, w *world, container string) (pid int) {
	t.Helper()
	inside := processesIn(w, container)
	for p := range inside {
		b, err := os.ReadFile("/proc/" + p + "/stat")
		if err != nil {
			continue // it has ended
		}
		// After the name in parentheses: state, parent (proc(5)).
		_, rest, _ := strings.Cut(string(b), ") ")
		parent := 0
		_, err = fmt.Sscanf(rest[2:], "%d", &parent)
		check(t, err)
		if !inside[fmt.Sprint(parent)] { // else it is a child of the first process
			pid = parent
		}
	}
	if pid <= 1 {
		t.Fatalf("no shim found of %s", container)
	}
	return pid
}
