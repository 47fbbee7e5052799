//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// supervisorActs has the supervisor start a container of another stack again, three
// times, and waits until it has. The delays of these restarts grow to 400 ms, so what it
// was to do about earlier events, after a few restarts too, it has done by then. So a
// test shows that it does nothing, without a guess at how long to wait.
func (w *world) supervisorActs() {
	w.t.Helper()
	w.file("beacon.yaml", "name: beacon\nservices:\n  lamp: {image: stackup.test/busybox:1, restart: always, stop_grace_period: 0s}\n")
	w.must("-f", "beacon.yaml", "up", "-d")
	for restarts := range 3 {
		for pid := range strings.FieldsSeq(w.pidsOf("beacon")) {
			n, err := strconv.Atoi(pid)
			check(w.t, err)
			check(w.t, syscall.Kill(n, syscall.SIGKILL))
		}
		w.eventually("the supervisor has started a container again", func() bool { // before that there may be a process of the OCI runtime's
			lamp := w.ps("-p", "beacon")["lamp.1"]
			return lamp.State == "running" && lamp.Restarts == restarts+1
		})
	}
	w.must("-f", "beacon.yaml", "down")
}

// Intent: supervisor and logger are killed at once, so that neither brings the other back.
// Each command that looks at containers does, and says so.
func TestHelpersKilledAtOnce(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("stack.yaml", `
services:
  a: {image: stackup.test/busybox:1, restart: always, command: ["sh", "-c", "echo begins; sleep 100000"], stop_grace_period: 0s}
`)
	w.must("up", "-d")
	for _, args := range [][]string{{"ps"}, {"plan"}, {"logs"}, {"exec", "-T", "a", "true"}} {
		both := []int{w.onlyHelper("supervisor"), w.onlyHelper("logger")}
		for _, sig := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
			for _, pid := range both {
				check(t, syscall.Kill(pid, sig))
			}
		}
		w.eventually(args[0]+" brings them back", func() bool { return strings.Contains(w.must(args...).err, "are started again") })
	}
	before := w.pidsOf("shop")
	for pid := range strings.FieldsSeq(before) {
		n, err := strconv.Atoi(pid)
		check(t, err)
		check(t, syscall.Kill(n, syscall.SIGKILL))
	}
	w.eventually("it is restarted, and its output is kept", func() bool {
		return w.pidsOf("shop") != "" && strings.Count(w.must("logs").out, "begins") == 2
	})
	w.must("down")
}

// Intent: somebody deletes the lock files. One supervisor and one logger are at work soon
// after, and the engine is still stopped by engine stop.
func TestLockFilesDeleted(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("stack.yaml", "services:\n  a: {image: stackup.test/busybox:1, restart: always, stop_grace_period: 0s}\n")
	w.must("up", "-d")
	engine := w.helper("engine")
	for _, name := range []string{"supervisor", "logger", "engine"} {
		w.helper(name)
		check(t, os.Remove(filepath.Join(w.state(), "locks", name)))
	}
	w.must("up", "-d") // starts what it finds missing
	for _, name := range []string{"supervisor", "logger"} {
		w.onlyHelper(name)
	}
	w.must("engine", "stop")
	if _, runs := processesOf(w.dir)[engine]; runs {
		t.Error("engine stop has exited with 0, and the engine runs on")
	}
	w.must("up", "-d")
	w.supervisorActs()
	w.must("down")
}

// onlyHelper returns the process of a helper, once there is no other one of its program:
// on a busy machine a second one may be started, which takes the place of the first if
// that is killed before the second one has ended by itself.
func (w *world) onlyHelper(name string) (holder int) {
	w.t.Helper()
	w.eventually("one "+name+" is left", func() bool {
		holder = w.helper(name)
		all := w.programs(name)
		return len(all) == 1 && all[0] == holder
	})
	return holder
}

// programs returns the processes of this world that run as a helper.
func (w *world) programs(name string) (pids []int) {
	word := map[string]string{"supervisor": "__supervise", "logger": "stackup-logger"}[name]
	for pid, what := range processesOf(w.dir) {
		if program, _, _ := strings.Cut(what, " --supervisor-cmd"); strings.Contains(program, word) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// keepsExit waits until it is on record how a container's last run ended.
func (w *world) keepsExit(id string) {
	w.t.Helper()
	w.eventually("the end of "+id+" is kept", func() bool {
		b, _ := os.ReadFile(filepath.Join(w.state(), "containers", id, "run.json"))
		return strings.Contains(string(b), `"exit"`)
	})
}
