//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stackup.dev/stackup/internal/dev/slowness"
)

const runStack = `
services:
  app:
    image: stackup.test/busybox:1
    command: ["sleep", "100000"]
    environment: {WHO: file, KEPT: "yes"}
    ports: ["18091:80"]
    volumes: [/scratch]
    container_name: the-app
    depends_on: {db: {condition: service_healthy}}
    stop_grace_period: 0s
  db:
    image: stackup.test/busybox:1
    command: ["sleep", "100000"]
    healthcheck: {test: ["CMD", "true"], interval: 200ms}
    stop_grace_period: 5s
    stop_signal: SIGTERM
    init: true
  other:
    image: stackup.test/busybox:1
    command: ["sleep", "100000"]
    stop_grace_period: 0s
    volumes_from: [app]
`

// Intent: run gives a container of its own, with what the service depends on, the
// streams and exit code of its process, and leaves nothing with --rm.
func TestRun(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", runStack)
	w.file("src/file", "from here\n")
	cmd := w.cmd("run", "--rm", "-T", "-e", "WHO=flag", "-w", "/tmp", "-v", "./src:/src:ro", "-l", "x=y", "--user", "7", "app",
		"sh", "-c", `echo $WHO $KEPT; pwd; id -u; cat; cat /src/file; touch /scratch/x 2>/dev/null; ls -d /scratch; echo err >&2; cat /etc/hosts; exit 3`)
	cmd.Stdin = strings.NewReader("from stdin\n")
	r := runCmd(t, cmd)
	if r.code != 3 || !strings.Contains(r.err, "err\n") {
		t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	head, names, _ := strings.Cut(r.out, "/scratch\n")
	if head != "flag yes\n/tmp\n7\nfrom stdin\nfrom here\n" {
		t.Errorf("output %q", head)
	}
	if !strings.Contains(names, "db") || strings.Contains(names, " app ") || strings.Contains(names, "other") {
		t.Errorf("hosts:\n%s", names)
	}
	if ps := w.ps("-a"); len(ps) != 1 || ps["db.1"].Health != "healthy" {
		t.Errorf("only db runs, and is healthy: %v", ps)
	}
	if left := w.must("volumes", "ls", "-q"); strings.TrimSpace(left.out) != "" {
		t.Errorf("volumes left: %s", left.out)
	}
	w.must("down")
}

// Intent: run -d gives a container beside the replicas, which up leaves alone and which
// goes with down.
func TestRunDetached(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", runStack)
	w.must("up", "-d", "app")
	name := strings.TrimSpace(w.must("run", "-d", "--no-deps", "-q", "-P", "-p", "18092:80", "--entrypoint", "sh -c", "other", "echo said; sleep 100000").out)
	if !strings.HasPrefix(name, "shop-other-run-") {
		t.Errorf("name %q", name)
	}
	if r := w.run("ps"); strings.Contains(r.out, name) {
		t.Errorf("ps shows a one-off container:\n%s", r.out)
	}
	if r := w.run("ps", "-a"); !strings.Contains(r.out, name) || !strings.Contains(r.out, "18092") {
		t.Errorf("ps -a does not show it:\n%s", r.out)
	}
	if r := w.run("run", "--rm", "-T", "--no-deps", "-p", "18092:80", "other", "true"); r.code == 0 || !strings.Contains(r.err, "18092") {
		t.Errorf("two containers on one port: exit %d\n%s", r.code, r.err)
	}
	w.must("exec", "-T", "app", "sh", "-c", "echo kept > /scratch/x")
	w.must("run", "--rm", "-T", "--no-deps", "other", "cat", "/scratch/x")
	w.inside("app", map[string]string{"cat /scratch/x": "kept"}) // the volume is app's
	w.eventually("its output is collected", func() bool { return strings.Contains(w.run("logs", "other").out, "said") })
	w.must("up", "-d")
	w.unchanged("beside a one-off container")
	if r := w.run("ps", "-a"); !strings.Contains(r.out, name) {
		t.Errorf("up took it away:\n%s", r.out)
	}
	w.must("down", "-v")
}

// Intent: Ctrl-C ends the container of run gracefully, and takes it away with --rm.
func TestRunInterrupted(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", runStack)
	w.file("src/file", "")
	cmd := w.cmd("run", "--rm", "-T", "--no-deps", "--name", "short-lived", "db", "sh", "-c", "trap 'echo said last; exit 0' TERM; echo ready > /src/up; while :; do sleep 0.1; done")
	cmd.Args = append(cmd.Args[:2:2], append([]string{"-v", "./src:/src"}, cmd.Args[2:]...)...)
	var out bytes.Buffer
	cmd.Stdout = &out
	check(t, cmd.Start())
	w.eventually("it runs", func() bool {
		_, err := os.Stat(filepath.Join(w.project, "src/up"))
		return err == nil
	})
	if r := w.run("ps", "-a"); !strings.Contains(r.out, "short-lived") {
		t.Errorf("ps -a:\n%s", r.out)
	}
	check(t, cmd.Process.Signal(syscall.SIGINT))
	begun := slowness.Given()
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || slowness.Given()-begun > allow(20*time.Second) {
		t.Errorf("exit %d after %s", code, slowness.Given()-begun)
	}
	if out.String() != "said last\n" {
		t.Errorf("what it said last: %q", out.String())
	}
	if r := w.run("ps", "-a"); strings.Contains(r.out, "short-lived") {
		t.Errorf("still there:\n%s", r.out)
	}
	w.must("down")
}

// Intent: two signals in quick succession end the container of run at once, whatever its
// grace, and leave nothing of it with --rm.
func TestRunInterruptedTwice(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", "services:\n  stubborn: {image: stackup.test/busybox:1, stop_grace_period: 1h}\n")
	w.file("src/file", "")
	for _, pause := range []time.Duration{0, time.Millisecond, 200 * time.Millisecond} {
		check(t, os.RemoveAll(filepath.Join(w.project, "src/up")))
		cmd := w.cmd("run", "--rm", "-T", "-v", "./src:/src", "stubborn", "sh", "-c", "trap '' TERM INT; echo ready > /src/up; while :; do sleep 0.1; done")
		check(t, cmd.Start())
		w.eventually("it runs", func() bool {
			_, err := os.Stat(filepath.Join(w.project, "src/up"))
			return err == nil
		})
		check(t, cmd.Process.Signal(syscall.SIGINT))
		time.Sleep(pause)
		check(t, cmd.Process.Signal(syscall.SIGTERM)) // another one of the same kind may be lost in the kernel
		begun := slowness.Given()
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 130 || slowness.Given()-begun > allow(20*time.Second) {
			t.Errorf("%s apart: exit %d after %s", pause, code, slowness.Given()-begun)
		}
		if ps := w.ps("-a"); len(ps) > 0 {
			t.Errorf("%s apart: left are %v", pause, ps)
		}
	}
	w.must("down")
}

// Intent: what run is asked for and cannot be is said before anything is touched.
func TestRunRefuses(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("stack.yaml", runStack)
	for args, want := range map[string]string{
		"none":                   "no such service",
		"--publish x app":        "flag.publish",
		"--cap-add fly app":      "flag.cap-add",
		"--rm -d app":            "--rm needs somebody who waits",
		"--volume none:/x other": "no volume none is defined",
	} {
		if r := w.run(append([]string{"run"}, strings.Fields(args)...)...); r.code != 1 || !strings.Contains(r.err, want) {
			t.Errorf("run %s: exit %d\n%s", args, r.code, r.err)
		}
	}
	if ps := w.ps("-a"); len(ps) > 0 {
		t.Errorf("made: %v", ps)
	}
}
