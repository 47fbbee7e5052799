//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stackup.dev/stackup/internal/dev/slowness"
)

// world is a root folder, a state folder and a project folder of its own, with one
// engine. The test binary runs in network, mount and PID namespaces that hold nothing
// else (internal/dev/worlds makes them), so a world may use any port and any name.
//
// A test makes its world first. What it does after that must be undone at its end,
// by `down` or whatever the test is about: the clean-up compares the machine with
// what it was when newWorld returned, before it takes down what a failed test has
// left (see leak_test.go).
type world struct {
	t       *testing.T
	kind    engineKind
	dir     string // all else is below
	project string // where stack files are written and commands run
	address string // of a system engine
	daemon  *exec.Cmd
	env     []string // for every command, in addition to cmd's own
	before  traces   // what was there when the test began
	stays   []string // beginnings of traces that the test may leave; see mayStay

	hasCanary bool // the foreign stack of canary is up
}

// newWorld makes a world on the engine of this run, with the busybox image in it.
// Where a run only lists its tests, it notes the test and skips it.
func newWorld(t *testing.T, opts ...worldOption) *world {
	t.Helper()
	kind := chooseEngine(t, opts)
	dir, err := os.MkdirTemp("/tmp", cmp.Or(os.Getenv("E2E_FOLDER"), "su-")) // short: socket paths are limited
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, kind: kind, dir: dir, project: filepath.Join(dir, "shop")}
	if err := os.MkdirAll(w.project, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	if kind != embedded {
		spends.on(engineStart, w.startDaemon)
	}
	w.must("images", "load", busyboxImage)
	spends.on(leakCheck, func() { w.before = w.traces() })
	return w
}

// root and state are the folders of that name (--root, --state).
func (w *world) root() string  { return filepath.Join(w.dir, "r") }
func (w *world) state() string { return filepath.Join(w.dir, "s") }

// socket is the engine's, whichever it is.
func (w *world) socket() string {
	if w.kind == embedded {
		return filepath.Join(w.state(), "engine.sock")
	}
	return w.address
}

// engineBin is the folder of a system containerd's programs.
func engineBin(kind engineKind) string { return filepath.Join(repo, "build/engines", string(kind)) }

// startDaemon runs a system containerd with nothing of its own outside w.dir.
func (w *world) startDaemon() {
	w.t.Helper()
	bin := engineBin(w.kind)
	w.address = filepath.Join(w.dir, "c.sock")
	conf := filepath.Join(w.dir, "containerd.toml")
	text := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = %q\n[ttrpc]\naddress = %q\n",
		filepath.Join(w.dir, "cr"), filepath.Join(w.dir, "cs"), w.address, w.address+".ttrpc")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(w.dir, "containerd.log"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.Close()
	c := exec.Command(filepath.Join(bin, "containerd"), "-c", conf)
	c.Env = []string{"PATH=" + bin + ":/usr/sbin:/usr/bin:/sbin:/bin"}
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.daemon = c
	w.eventually("containerd answers", func() bool {
		c, err := net.DialTimeout("unix", w.address, allow(2*time.Second))
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// close checks that the test has left nothing, takes the world down, and checks that
// no process and no mount is left of the world itself.
func (w *world) close() {
	defer w.takeDown() // also after a check that could not be made
	if w.t.Failed() {
		w.dump()
	} else {
		spends.on(leakCheck, w.nothingLeft)
	}
}

// takeDown ends all that runs in the world, and removes its folders.
func (w *world) takeDown() {
	if w.t.Failed() || w.t.Skipped() || w.hasCanary {
		for _, stack := range strings.Fields(w.run("ls", "-a", "-q").out) {
			w.run("-p", stack, "down", "-v", "-t", "0", "--remove-orphans")
		}
	}
	w.run("engine", "stop")
	if w.daemon != nil {
		stop(w.t, w.daemon, syscall.SIGTERM)
	}
	spends.on(leakCheck, w.noProcesses)
	if m := mountsBelow(w.dir); len(m) > 0 {
		w.t.Errorf("mounts left behind: %v", m)
		for i := len(m) - 1; i >= 0; i-- {
			syscall.Unmount(m[i], syscall.MNT_DETACH)
		}
	}
	if err := os.RemoveAll(w.dir); err != nil {
		w.t.Error(err)
	}
}

// noProcesses fails the test for every process of this world that is left,
// and ends it. A helper says before in its log what it was at.
func (w *world) noProcesses() {
	limit := within(5 * time.Second)
	for {
		left := processesOf(w.dir)
		if len(left) == 0 {
			return
		}
		if limit.passed() {
			w.endLeft(left)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// endLeft fails the test for processes that are left, has them say what they are at, and
// ends them.
func (w *world) endLeft(left map[int]string) {
	w.t.Helper()
	for pid, what := range left {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		w.t.Errorf("process left behind: %d %s\n%.80s", pid, what, stat) // with its state
		syscall.Kill(pid, syscall.SIGQUIT)
	}
	time.Sleep(200 * time.Millisecond)
	for pid := range left {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	w.logTail("r/helpers.log", 12000)
}

// dump shows what helps to understand a failure.
func (w *world) dump() {
	for _, args := range [][]string{{"ps", "-a"}, {"logs", "-n", "20"}} {
		r := w.run(args...)
		w.t.Logf("stackup %s (exit %d)\n%s%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
	for _, name := range []string{"r/engine.log", "r/helpers.log", "containerd.log"} {
		w.logTail(name, 1500)
	}
}

// logTail shows the last n bytes of a file of the world, if there is one.
func (w *world) logTail(name string, n int) {
	if b, err := os.ReadFile(filepath.Join(w.dir, name)); err == nil {
		w.t.Logf("%s:\n%s", name, tail(b, n))
	}
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

// result is what a command has said.
type result struct {
	out, err string
	code     int
	took     time.Duration // of the time that this process was given
}

// cmd is a stackup command in this world. It may run beside the test, for five minutes
// of a quiet machine at most.
func (w *world) cmd(args ...string) *exec.Cmd { return w.timed(5*time.Minute, args...) }

// timed is a stackup command in this world that is killed, and fails the test, if it
// lasts longer than limit, a duration of a quiet machine.
func (w *world) timed(limit time.Duration, args ...string) *exec.Cmd {
	c := command(w.t, limit, stackup, args...)
	c.Dir = w.project
	c.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "STACKUP_ROOT=" + w.root(), "STACKUP_STATE=" + w.state(),
		"STACKUP_ADDRESS=" + w.address,
	}, w.env...)
	return c
}

// run runs stackup and waits for it, two minutes of a quiet machine at most.
func (w *world) run(args ...string) result {
	w.t.Helper()
	return runCmd(w.t, w.timed(2*time.Minute, args...))
}

func runCmd(t *testing.T, c *exec.Cmd) result {
	t.Helper()
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	start, begun := time.Now(), slowness.Given()
	err := c.Run()
	r := result{out: out.String(), err: errs.String(), took: slowness.Given() - begun}
	spends.add(commandKind(c), time.Since(start))
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		r.code = exit.ExitCode()
	case err != nil:
		t.Fatalf("%v: %v", c.Args, err)
	}
	return r
}

// must runs stackup and fails the test if that fails.
func (w *world) must(args ...string) result {
	w.t.Helper()
	r := w.run(args...)
	if r.code != 0 {
		w.t.Fatalf("stackup %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
	return r
}

// file writes a file of the project.
func (w *world) file(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.project, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// psRow is one line of ps --format json.
type psRow struct {
	ID, Name, Service, State, Health, Status string
	ExitCode, Restarts, LastExitCode         int
	Publishers                               []struct {
		URL                       string
		TargetPort, PublishedPort int
		Protocol                  string
	}
	Addresses map[string]string
	Index     int
	HealthLog []struct {
		Start, End time.Time
		ExitCode   int
		Output     string
	}
}

// ps lists the containers, by service and replica ("web.1").
func (w *world) ps(args ...string) map[string]psRow {
	w.t.Helper()
	r := w.must(append([]string{"ps", "--format", "json"}, args...)...)
	rows := map[string]psRow{}
	for line := range strings.Lines(r.out) {
		var p psRow
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			w.t.Fatalf("ps: %v in %q", err, line)
		}
		rows[fmt.Sprintf("%s.%d", p.Service, p.Index)] = p
	}
	return rows
}

// eventually waits until cond holds.
func (w *world) eventually(what string, cond func() bool) {
	w.t.Helper()
	eventually(w.t, what, cond)
}

// eventually waits until cond holds, and fails the test if it does not within 20
// seconds of a quiet machine.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	const usual = 20 * time.Second
	limit := within(usual)
	held := true
	spends.on(waiting, func() {
		for !cond() {
			if limit.passed() {
				held = false
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	if !held {
		t.Fatalf("%s: not within %s", what, allow(usual))
	}
}
