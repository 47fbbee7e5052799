//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// heldRuntime stands in the place of the OCI runtime. It stops at a phase, which is a
// command of the runtime and whether its work is done: "before-create".
type heldRuntime struct {
	w   *world
	dir string
}

// holdRuntime puts it there for the rest of the test.
func (w *world) holdRuntime() *heldRuntime {
	w.t.Helper()
	h := &heldRuntime{w: w, dir: filepath.Join(w.dir, "held")}
	check(w.t, os.Mkdir(h.dir, 0o755))
	runtime := w.ociRuntime()
	w.inPlaceOf(runtime, `#!/bin/sh
for arg; do case $arg in create|start|kill|delete) verb=$arg; break;; esac; done
hold() {
	[ -e `+h.dir+`/$1 ] || return 0
	echo $$ > `+h.dir+`/at.new
	mv `+h.dir+`/at.new `+h.dir+`/at
	while [ -e `+h.dir+`/$1 ]; do sleep 0.02; done
}
hold before-$verb
`+w.aside(runtime)+` "$@"
code=$?
hold after-$verb
exit $code
`)
	return h
}

// at has the runtime stop when it is next at a phase, and reached waits until it is
// there.
func (h *heldRuntime) at(phase string) (reached func() (pid int)) {
	h.w.t.Helper()
	os.Remove(filepath.Join(h.dir, "at"))
	check(h.w.t, os.WriteFile(filepath.Join(h.dir, phase), nil, 0o644))
	return func() (pid int) {
		h.w.t.Helper()
		h.w.eventually("the OCI runtime is at "+phase, func() bool {
			b, err := os.ReadFile(filepath.Join(h.dir, "at"))
			_, serr := fmt.Sscan(string(b), &pid)
			return err == nil && serr == nil
		})
		return pid
	}
}

// goOn lets the runtime go on.
func (h *heldRuntime) goOn(phase string) { os.Remove(filepath.Join(h.dir, phase)) }

// ociRuntime is the program of the OCI runtime that the engine finds.
func (w *world) ociRuntime() string {
	if w.kind == embedded {
		return filepath.Join(filepath.Dir(stackup), "libexec/stackup/runc")
	}
	return filepath.Join(engineBin(w.kind), "runc")
}

// aside copies a program, and returns where the copy is.
func (w *world) aside(program string) string {
	w.t.Helper()
	b, err := os.ReadFile(program)
	check(w.t, err)
	to := filepath.Join(w.dir, filepath.Base(program)+".real")
	check(w.t, os.WriteFile(to, b, 0o755))
	return to
}

// inPlaceOf mounts a script over a program, until the test ends or back is called.
func (w *world) inPlaceOf(program, script string) (back func()) {
	w.t.Helper()
	f, err := os.CreateTemp(w.dir, "script")
	check(w.t, err)
	_, err = f.WriteString(script)
	check(w.t, err)
	check(w.t, f.Chmod(0o755))
	check(w.t, f.Close())
	check(w.t, syscall.Mount(f.Name(), program, "", syscall.MS_BIND, ""))
	mounted := true
	back = func() {
		if mounted {
			mounted = false
			check(w.t, syscall.Unmount(program, syscall.MNT_DETACH))
		}
	}
	w.t.Cleanup(back)
	return back
}

// runtimeFault is a kill while the OCI runtime is at work.
type runtimeFault struct {
	args   []string // the command that has it work
	phase  string
	victim string
	late   bool // it goes on only while the next command runs
}

func (f runtimeFault) String() string {
	s := fmt.Sprintf("%s: %s killed at %s", strings.Join(f.args, " "), f.victim, f.phase)
	if f.late {
		s += ", which then goes on late"
	}
	return s
}

func runtimeFaults() (out []runtimeFault) {
	up, down := []string{"up", "-d"}, []string{"down"}
	for _, late := range []bool{false, true} {
		for _, victim := range []string{"the command", "the engine", "the shim", "the runtime", "the command and the engine"} {
			for _, phase := range []string{"before-create", "after-create", "before-start", "after-start"} {
				if victim != "the shim" || !strings.HasSuffix(phase, "-create") { // it has no container to be found by
					out = append(out, runtimeFault{up, phase, victim, late})
				}
			}
			for _, phase := range []string{"before-delete", "after-delete"} {
				out = append(out, runtimeFault{down, phase, victim, late})
			}
		}
	}
	return out
}

// Intent: whoever is killed while the OCI runtime is at work, wherever in its work that
// is, the next up converges at once, with one process that writes to the volume.
func TestKillsInsideCalls(t *testing.T) {
	w := newWorld(t, only(embedded, containerd24), slowly())
	w.env = append(w.env, "WHO=one")
	w.file("stack.yaml", orphanStack)
	h := w.holdRuntime()
	for _, f := range sliceOf(t, runtimeFaults()) {
		t.Run(f.String(), func(t *testing.T) {
			outer := w.t
			w.t = t
			defer func() { w.t = outer }()
			w.killInside(h, f)
			w.must("up", "-d")
			w.converged(1)
			w.oneWriter()
			w.must("down", "-v")
			if left := w.pidsOf("shop"); left != "" {
				t.Errorf("after down there are processes %s", left)
			}
		})
	}
}

// killInside has the fault happen, and returns when the command has ended.
func (w *world) killInside(h *heldRuntime, f runtimeFault) {
	w.t.Helper()
	shim := 0
	if f.args[0] == "down" {
		w.must("up", "-d")
		shim = shimOf(w.t, w, "shop-a-1")
	}
	reached := h.at(f.phase)
	defer h.goOn(f.phase)
	command := w.cmd(f.args...)
	check(w.t, command.Start())
	runtime := reached()
	if f.victim == "the shim" && shim == 0 {
		shim = shimOf(w.t, w, "shop-a-1")
	}
	w.killAmid(f.victim, command, shim, runtime)
	if f.late {
		time.AfterFunc(allow(500*time.Millisecond), func() { h.goOn(f.phase) })
	} else {
		h.goOn(f.phase)
	}
	command.Wait()
	if strings.Contains(f.victim, "engine") {
		w.engineBack()
	}
}

func (w *world) killAmid(victim string, command *exec.Cmd, shim, runtime int) {
	w.t.Helper()
	switch victim {
	case "the command":
		check(w.t, command.Process.Kill())
	case "the engine":
		w.killEngine(syscall.SIGKILL)
	case "the shim":
		check(w.t, syscall.Kill(shim, syscall.SIGKILL))
	case "the runtime":
		check(w.t, syscall.Kill(runtime, syscall.SIGKILL))
	case "the command and the engine":
		check(w.t, command.Process.Kill())
		w.killEngine(syscall.SIGKILL)
	default:
		w.t.Fatalf("nobody is %s", victim)
	}
}

// oneWriter waits until a process of the stack's container writes, which its init starts,
// and fails the test if there is another one.
func (w *world) oneWriter() {
	w.t.Helper()
	var writers []string
	w.eventually("a process writes to the volume", func() bool {
		writers = w.writers()
		return len(writers) > 0
	})
	if len(writers) != 1 {
		w.t.Errorf("%d processes write to the volume: %v", len(writers), writers)
	}
}

// writers are the processes of the stack's container that write. One that such a process
// has just forked has its name still.
func (w *world) writers() []string {
	parents := map[string]string{}
	for pid := range processesIn(w, "shop") {
		b, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
		if f := strings.Fields(string(b)); err == nil && len(f) > 3 && f[1] == "(sh)" {
			parents[pid] = f[3]
		}
	}
	return slices.DeleteFunc(slices.Collect(maps.Keys(parents)), func(pid string) bool { return parents[parents[pid]] != "" })
}
