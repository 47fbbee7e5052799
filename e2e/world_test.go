//go:build e2e

package e2e

import (
	"bytes"
	"context"
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
)

// engineKind is one of the engines that every scenario must pass on.
type engineKind string

const (
	embedded      engineKind = "embedded"
	containerd24  engineKind = "containerd-2.4"
	containerdDeb engineKind = "containerd-debian"
)

// onEngines runs a scenario on every engine, in a world of its own each.
func onEngines(t *testing.T, scenario func(t *testing.T, w *world)) {
	t.Helper()
	onEach(t, scenario, embedded, containerd24, containerdDeb)
}

// onBoth runs one of which the engine knows little: on ours, and on the oldest of a
// system's. E2E_ENGINES=all has it run on every engine too.
func onBoth(t *testing.T, scenario func(t *testing.T, w *world)) {
	t.Helper()
	if os.Getenv("E2E_ENGINES") == "all" {
		onEngines(t, scenario)
		return
	}
	onEach(t, scenario, embedded, containerdDeb)
}

func onEach(t *testing.T, scenario func(t *testing.T, w *world), kinds ...engineKind) {
	t.Helper()
	for _, k := range kinds {
		t.Run(string(k), func(t *testing.T) { scenario(t, newWorld(t, k)) })
	}
}

// world is a root and a state of its own with one engine.
type world struct {
	t       *testing.T
	kind    engineKind
	dir     string // all else is below
	project string // where stack files are written and commands run
	address string // of a system engine
	daemon  *exec.Cmd
	env     []string
}

// newWorld makes a world with the test images in it. At the end of the test
// everything must be gone again but what the engine itself keeps.
func newWorld(t *testing.T, k engineKind) *world {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "su-") // short: socket paths are limited
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, kind: k, dir: dir, project: filepath.Join(dir, "shop")}
	if err := os.MkdirAll(w.project, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	if k != embedded {
		w.startDaemon()
	}
	w.must("images", "load", busyboxImage)
	return w
}

func (w *world) root() string  { return filepath.Join(w.dir, "r") }
func (w *world) state() string { return filepath.Join(w.dir, "s") }

// socket is the engine's, whichever it is.
func (w *world) socket() string {
	if w.kind == embedded {
		return filepath.Join(w.state(), "engine.sock")
	}
	return w.address
}

// startDaemon runs a system containerd with nothing of its own outside w.dir.
func (w *world) startDaemon() {
	w.t.Helper()
	bin := filepath.Join(repo, "build/engines", string(w.kind))
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
	w.daemon = exec.Command(filepath.Join(bin, "containerd"), "-c", conf)
	w.daemon.Env = []string{"PATH=" + bin + ":/usr/sbin:/usr/bin:/sbin:/bin"}
	w.daemon.Stdout, w.daemon.Stderr = log, log
	w.daemon.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := w.daemon.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.eventually("containerd answers", func() bool {
		c, err := net.Dial("unix", w.address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// close takes the world down; what then still runs out of it is a leak.
func (w *world) close() {
	if w.t.Failed() {
		w.dump()
	}
	w.run("down", "-v", "-t", "0", "--remove-orphans")
	w.run("-p", "canary", "down", "-v", "-t", "0", "--remove-orphans")
	w.run("engine", "stop")
	if w.daemon != nil {
		w.daemon.Process.Signal(syscall.SIGTERM)
		w.daemon.Wait()
	}
	w.noProcesses()
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
// and ends it.
func (w *world) noProcesses() {
	deadline := time.Now().Add(5 * time.Second * patience())
	for {
		left := processesOf(w.dir)
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			for pid, what := range left {
				stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
				w.t.Errorf("process left behind: %d %s\n%.80s", pid, what, stat) // with its state
				syscall.Kill(pid, syscall.SIGKILL)
			}
			time.Sleep(200 * time.Millisecond)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// dump shows what helps to understand a failure.
func (w *world) dump() {
	for _, args := range [][]string{{"ps", "-a"}, {"logs", "-n", "20"}} {
		r := w.run(args...)
		w.t.Logf("stackup %s (exit %d)\n%s%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
	for _, name := range []string{"r/engine.log", "containerd.log"} {
		if b, err := os.ReadFile(filepath.Join(w.dir, name)); err == nil {
			w.t.Logf("%s:\n%s", name, tail(b, 1500))
		}
	}
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

// result is what a command has said.
type result struct {
	out, err string
	code     int
	took     time.Duration
}

// cmd is a stackup command in this world.
func (w *world) cmd(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, stackup, args...)
	c.Dir = w.project
	c.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "STACKUP_ROOT=" + w.root(), "STACKUP_STATE=" + w.state(),
		"STACKUP_ADDRESS=" + w.address,
	}, w.env...)
	return c
}

// run runs stackup and waits for it, two minutes at most.
func (w *world) run(args ...string) result {
	w.t.Helper()
	c, cancel := w.timed(2*time.Minute*patience(), args...)
	defer cancel()
	return runCmd(w.t, c)
}

// timed is a stackup command that is killed after a while, even in a clean-up.
func (w *world) timed(limit time.Duration, args ...string) (*exec.Cmd, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	return w.cmd(ctx, args...), cancel
}

func runCmd(t *testing.T, c *exec.Cmd) result {
	t.Helper()
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	c.WaitDelay = 2 * time.Second
	start := time.Now()
	err := c.Run()
	r := result{out: out.String(), err: errs.String(), took: time.Since(start)}
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

// patience is how many times longer than usual an emulated machine is waited for.
func patience() time.Duration {
	if os.Getenv("E2E_MACHINE") != "" {
		return 5
	}
	return 1
}

// eventually waits up to 20 seconds for cond.
func (w *world) eventually(what string, cond func() bool) {
	w.t.Helper()
	limit := 20 * time.Second * patience()
	deadline := time.Now().Add(limit)
	for !cond() {
		if time.Now().After(deadline) {
			w.t.Fatalf("%s: not within %s", what, limit)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
