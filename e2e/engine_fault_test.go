//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Intent: the engine dies under a running stack, and everything goes on.
func TestEngineKilled(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  web: {image: stackup.test/busybox:1, command: ["httpd", "-f", "-p", "80", "-h", "/www"], ports: ["18082:80"], stop_grace_period: 0s}
`)
	w.must("up", "-d", "--wait")
	w.get("http://127.0.0.1:18082/")
	before := w.ps()["web.1"].ID
	w.killEngine(syscall.SIGKILL)
	w.get("http://127.0.0.1:18082/") // the container does not notice
	if w.kind != embedded {
		if r := w.run("up", "-d"); r.code != 1 || !strings.Contains(r.err, "does not answer") || r.took > allow(8*time.Second) {
			t.Errorf("up without an engine: exit %d after %s\n%s", r.code, r.took, r.err)
		}
		w.startDaemon()
	}
	w.must("up", "-d", "--wait") // the embedded engine comes back by itself
	if now := w.ps()["web.1"].ID; now != before {
		t.Errorf("container %s, was %s", now, before)
	}
	w.converged(1)
	w.must("down")
}

// Intent: a command meets an engine that has just been killed. Its socket still takes
// connections until its last thread has ended, and each is closed with it.
func TestEngineKilledAMomentAgo(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("stack.yaml", `
services:
  web: {image: stackup.test/busybox:1, command: ["sleep", "infinity"], stop_grace_period: 0s}
`)
	w.must("up", "-d", "--wait")
	before := w.ps()["web.1"].ID
	w.killEngine(syscall.SIGKILL)
	check(t, os.Remove(w.socket()))
	dying, err := net.ListenUnix("unix", &net.UnixAddr{Name: w.socket()})
	check(t, err)
	dying.SetUnlinkOnClose(false)
	c := w.cmd("ps", "--format", "json")
	var out bytes.Buffer
	c.Stdout = &out
	check(t, c.Start())
	for n := 0; n < 3; { // the first two only see whether somebody listens
		met, err := dying.AcceptUnix()
		check(t, err)
		if peerOf(t, met) == c.Process.Pid { // the helpers come too
			n++
		}
		check(t, met.Close())
	}
	check(t, dying.Close())
	if err := c.Wait(); err != nil || !strings.Contains(out.String(), before) {
		t.Errorf("ps: %v, of container %s:\n%s", err, before, out.String())
	}
	w.converged(1)
	w.must("down")
}

// peerOf returns the process at the other end of a connection.
func peerOf(t *testing.T, c *net.UnixConn) (pid int) {
	t.Helper()
	raw, err := c.SyscallConn()
	check(t, err)
	var cred *unix.Ucred
	check(t, raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }))
	check(t, err)
	return int(cred.Pid)
}

// engineBack brings an engine back that was killed: ours comes with the next command.
func (w *world) engineBack() {
	w.t.Helper()
	if w.kind != embedded {
		w.startDaemon()
	}
	w.must("ps")
}

// Intent: the engine is stopped; commands end and say so, and work again after.
func TestEngineStopped(t *testing.T) {
	w := newWorld(t, only(containerd24), slowly())
	w.file("stack.yaml", faultStack)
	w.must("up", "-d", "--wait")
	w.killEngine(syscall.SIGSTOP)
	limits := watchStretch(t)
	for _, args := range [][]string{{"ps"}, {"up", "-d"}, {"plan"}, {"down"}} {
		r := w.run(args...)
		if r.code != 1 || !strings.Contains(r.err, "does not answer") || r.took > allow(5*time.Second)+limits.of(5*time.Second) {
			t.Errorf("%v with a stopped engine: exit %d after %s\n%s", args, r.code, r.took, r.err)
		}
	}
	w.killEngine(syscall.SIGCONT)
	w.must("up", "-d", "--wait")
	w.converged(3)
	w.must("down", "-v")
}

// Intent: the engine hangs in the middle of up, in a call that changes something
// or in one that lists; the command ends and names the call. Of four stacks at
// once each has its own call.
func TestEngineHangsDuringUp(t *testing.T) {
	w := newWorld(t, only(containerd24), slowly())
	w.file("stack.yaml", strings.Replace(faultStack, "18081:80", "80", 1))
	cases := []hang{{mutating, 1, ""}, {mutating, 8, ""}, {"ListStream$", 1, "List"}, {"(Snapshots|Images|Tasks)/List$", 1, "List"}}
	var all sync.WaitGroup
	for i, c := range cases {
		stack := fmt.Sprint("h", i)
		address := filepath.Join(w.dir, stack+".sock")
		p := w.proxy(address, w.socket(), c.match, c.at, "hang")
		all.Go(func() { w.hangs(c, p, "--address", address, "-p", stack, "up", "-d") })
	}
	all.Wait()
	for i := range cases {
		stack := fmt.Sprint("h", i)
		w.must("-p", stack, "up", "-d", "--wait")
		w.converged(3, "-p", stack)
		w.must("-p", stack, "down", "-v")
	}
}

// hang is a call that is not answered.
type hang struct {
	match string
	at    int
	name  string // of the call; empty: the very one that hangs
}

// hangs runs a command through a proxy that does not answer a call, and checks that the
// command ends and names the call.
func (w *world) hangs(c hang, p *proxy, args ...string) {
	w.t.Helper()
	limits := watchStretch(w.t)
	r := runCmd(w.t, w.timed(25*time.Second+mostStretch*20*time.Second, args...))
	if n := p.end(); n < c.at {
		w.t.Errorf("%s: %d calls only, nothing hung", c.match, n)
		return
	}
	_, call, _ := strings.Cut(p.calls[c.at-1], " /")
	call = filepath.Base(call)
	if c.name != "" { // lists run beside one another, and none is answered any more
		call = c.name
	}
	if r.code != 1 || !strings.Contains(r.err, "/"+call) || r.took > allow(25*time.Second)+limits.of(20*time.Second) {
		w.t.Errorf("hang at call %d of %s: exit %d after %s, want the name of %s\n%s", c.at, c.match, r.code, r.took, call, r.err)
	}
}

// Intent: the engine dies in the middle of up, and comes back after a while.
func TestEngineKilledDuringUp(t *testing.T) {
	w := newWorld(t, only(embedded, containerd24), slowly())
	w.file("stack.yaml", faultStack)
	for _, at := range sliceOf(t, []int{2, 5, 8, 11}) {
		w.killedDuringUp(at)
		w.must("up", "-d", "--wait")
		w.converged(3)
		w.must("down", "-v")
		w.nothingLeft()
		if t.Failed() {
			t.Fatalf("first failure with the engine killed at call %d", at)
		}
	}
}

// killedDuringUp runs up, kills the engine at the Nth call that changes
// something, and starts it again. The counting proxy takes the place of the
// engine's socket, so that the command finds the engine where it always is.
func (w *world) killedDuringUp(at int) {
	w.t.Helper()
	socket, moved := w.socket(), filepath.Join(w.dir, "moved.sock")
	check(w.t, os.Rename(socket, moved))
	p := w.proxy(socket, moved, mutating, 0, "log")
	var r result
	ended := make(chan struct{})
	c := w.cmd("up", "-d")
	go func() { defer close(ended); r = runCmd(w.t, c) }()
	w.eventually(fmt.Sprintf("call %d", at), func() bool { return p.count() >= at })
	w.killEngine(syscall.SIGKILL)
	p.end()
	os.Remove(moved)
	if w.kind != embedded { // ours comes back by itself
		select {
		case <-ended:
		case <-time.After(2 * time.Second): // the engine is away for so long, and up goes on
		}
		w.startDaemon()
	}
	<-ended
	if r.code != 0 && (r.code != 1 || r.err == "") || strings.Contains(r.err, "goroutine ") {
		w.t.Errorf("engine killed at call %d: exit %d after %s\n%s", at, r.code, r.took, r.err)
	}
	w.t.Logf("engine killed at call %d: exit %d after %s: %s", at, r.code, r.took, strings.TrimSpace(r.err))
}

// killEngine sends the engine's process a signal.
func (w *world) killEngine(sig syscall.Signal) {
	w.t.Helper()
	pid := w.enginePID()
	if w.daemon != nil && sig == syscall.SIGKILL {
		stop(w.t, w.daemon, sig)
		return
	}
	check(w.t, syscall.Kill(pid, sig))
	if sig != syscall.SIGKILL {
		return
	}
	w.eventually("the engine is gone", func() bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || strings.Contains(string(b), ") Z ")
	})
}

// Intent: an engine that starts knows nothing of what had ended before; how it
// ended is known all the same, and nothing that was done is done again.
func TestExitCodesOutliveTheEngine(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  over: {image: stackup.test/busybox:1, command: ["sh", "-c", "echo ran; exit 3"]}
  done: {image: stackup.test/busybox:1, restart: on-failure, command: ["echo", "ran"]}
  few: {image: stackup.test/busybox:1, restart: "on-failure:2", command: ["sh", "-c", "echo ran; exit 4"]}
  on: {image: stackup.test/busybox:1, stop_grace_period: 0s}
`)
	w.must("up", "-d")
	ended := func() string {
		ps := w.ps("-a")
		return fmt.Sprintf("over %s %d, done %s %d, few %s %d, on %s", ps["over.1"].State, ps["over.1"].ExitCode,
			ps["done.1"].State, ps["done.1"].ExitCode, ps["few.1"].State, ps["few.1"].ExitCode, ps["on.1"].State)
	}
	want := "over exited 3, done exited 0, few exited 4, on running"
	runs := func() int { return strings.Count(w.must("logs", "--no-log-prefix").out, "ran\n") }
	w.eventually("all have ended", func() bool { return ended() == want && runs() == 5 })
	for _, service := range []string{"over", "done", "few"} {
		w.keepsExit(w.ps("-a")[service+".1"].ID)
	}
	w.killEngine(syscall.SIGKILL)
	w.engineBack()
	w.supervisorActs()
	if got := ended(); got != want {
		t.Errorf("after the engine's restart: %s, want %s", got, want)
	}
	if n := runs(); n != 5 {
		t.Errorf("%d runs, want 5", n)
	}
	if told := w.must("events", "--since", "1h", "--until", "0s").out; strings.Count(told, " container die ") != 5 {
		t.Errorf("not five ends are told:\n%s", told)
	}
	w.must("down")
}

// Intent: what ends while there is neither an engine nor a supervisor has its own exit code
// all the same, and what has done its work is not run again.
func TestExitsWithNobodyThere(t *testing.T) {
	w := newWorld(t, only(embedded), onCgroup2()) // a system's containerd clears away what has ended when it starts
	w.file("stack.yaml", `
x-base: &base {image: "stackup.test/busybox:1", stop_grace_period: 0s}
services:
  done: {<<: *base, restart: on-failure, command: ["sh", "-c", "echo ran; until [ -e /go ]; do sleep 0.1; done"]}
  code: {<<: *base, command: ["sh", "-c", "echo ran; until [ -e /go ]; do sleep 0.1; done; exit 58"]}
  hit: {<<: *base, command: ["sh", "-c", "echo ran; until [ -e /go ]; do sleep 0.1; done; kill -9 $$$$"], init: true}
`)
	w.must("up", "-d")
	w.killEngine(syscall.SIGKILL)
	check(t, syscall.Kill(w.helper("supervisor"), syscall.SIGKILL))
	w.eventually("all have ended", func() bool {
		pids := processesIn(w, "shop")
		for pid := range pids {
			os.WriteFile("/proc/"+pid+"/root/go", nil, 0o644) // of a passing child there may be none
		}
		return len(pids) == 0
	})
	w.engineBack()
	for name, want := range map[string]int{"done.1": 0, "code.1": 58, "hit.1": 137} {
		if row := w.ps("-a")[name]; row.State != "exited" || row.ExitCode != want {
			t.Errorf("%s: %s (%d), want %d", name, row.State, row.ExitCode, want)
		}
	}
	w.supervisorActs()
	if n := strings.Count(w.must("logs", "--no-log-prefix").out, "ran"); n != 3 {
		t.Errorf("%d runs, want 3", n)
	}
	w.must("down")
}

// listens is a healthcheck of who listens on port 7000.
const listens = `{test: ["CMD-SHELL", "grep -q ':1B58 [0-9A-F:]* 0A ' /proc/net/tcp /proc/net/tcp6"], interval: 10s, start_interval: 200ms, start_period: 1m}`

// Intent: an engine that dies and comes back under a stack that runs breaks no
// connection and loses no line; what ended meanwhile is noticed, and started again
// if its policy says so.
func TestEngineRestart(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
x-base: &base {image: "stackup.test/busybox:1", stop_grace_period: 0s}
services:
  hears: {<<: *base, command: ["nc", "-ll", "-p", "7000", "-e", "cat"], healthcheck: `+listens+`}
  says: {<<: *base, depends_on: {hears: {condition: service_healthy}}, command: ["sh", "-c", "(while echo beat; do sleep 0.2; done) | nc hears 7000 >/dev/null; exit 1"]}
  ticks: {<<: *base, command: ["sh", "-c", "i=0; while :; do echo $$i; i=$$((i+1)); sleep 0.02; done"]}
  back: {<<: *base, restart: always}
  gone: {<<: *base}
`)
	w.must("up", "-d", "--wait")
	w.eventually("the connection stands", func() bool { // nc has cat at its end
		for pid := range processesIn(w, "shop-hears") {
			if text, _ := os.ReadFile("/proc/" + pid + "/cmdline"); string(text) == "cat\x00" {
				return true
			}
		}
		return false
	})
	before := w.ps()
	w.killEngine(syscall.SIGKILL)
	for _, service := range []string{"back", "gone"} {
		for pid := range processesIn(w, "shop-"+service) {
			n, err := strconv.Atoi(pid)
			check(t, errors.Join(err, syscall.Kill(n, syscall.SIGKILL)))
		}
	}
	w.eventually("both have ended", func() bool { return len(processesIn(w, "shop-back"))+len(processesIn(w, "shop-gone")) == 0 })
	w.engineBack()
	w.eventually("what ended meanwhile is as its policy says", func() bool {
		now := w.ps("-a")
		return now["back.1"].State == "running" && now["gone.1"].State == "exited" && now["gone.1"].ExitCode == 137 && len(processesIn(w, "shop-back")) == 1
	})
	now := w.ps("-a")
	for _, name := range []string{"hears.1", "says.1", "ticks.1"} {
		if now[name].State != "running" || now[name].ID != before[name].ID {
			t.Errorf("%s: %s, %s, was %s", name, now[name].State, now[name].ID, before[name].ID)
		}
	}
	for i, line := range strings.Fields(w.must("logs", "--no-log-prefix", "ticks").out) {
		if line != strconv.Itoa(i) {
			t.Fatalf("line %d of ticks is %q", i, line)
		}
	}
	if told := w.must("events", "--since", "1h", "--until", "0s", "gone").out; strings.Count(told, " container die ") != 1 {
		t.Errorf("not one end is told of gone:\n%s", told)
	}
	w.must("down")
}
