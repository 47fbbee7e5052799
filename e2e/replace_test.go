//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stackup.dev/stackup/internal/dev/slowness"
)

const server = `
services:
  web:
    image: stackup.test/busybox:1
    command: ["httpd", "-f", "-p", "%s", "-h", "/www"]
    ports: ["18083:80"]
    healthcheck: {test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:80/"], interval: 200ms, retries: 3, start_interval: 100ms, start_period: 300ms}
    stop_grace_period: 0s
`

// Intent: a replacement that does not get healthy gives way to the old
// container, which serves again; the next good file goes through.
func TestFailedReplacementBringsTheOldOneBack(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", fmt.Sprintf(server, "80"))
	w.must("up", "-d", "--wait")
	old := w.ps()["web.1"].ID
	w.file("stack.yaml", fmt.Sprintf(server, "81")) // listens elsewhere: never healthy
	r := w.run("up", "-d")
	if r.code != 1 || !strings.Contains(r.err, "unhealthy") {
		t.Errorf("up of a broken version: exit %d\n%s", r.code, r.err)
	}
	w.get("http://127.0.0.1:18083/")
	if now := w.ps()["web.1"].ID; now != old {
		t.Errorf("%s serves, want the old %s", now, old)
	}
	w.file("stack.yaml", strings.Replace(fmt.Sprintf(server, "80"), "/www\"]", "/www\", \"-v\"]", 1))
	w.must("up", "-d", "--wait")
	w.get("http://127.0.0.1:18083/")
	w.converged(1)
	w.must("down")
}

// Intent: Ctrl-C of an attached up stops the stack gracefully; a second one kills.
func TestAttachedUp(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("stack.yaml", `
services:
  polite: {image: stackup.test/busybox:1, command: ["sh", "-c", "trap 'echo bye; exit 0' TERM; echo hello; while :; do sleep 0.1; done"]}
`)
	out, code, took := w.attached(1)
	if code != 130 || !strings.Contains(out, "polite-1  | hello") || took > allow(5*time.Second) {
		t.Errorf("one Ctrl-C: exit %d after %s\n%s", code, took, out)
	}
	if p := w.ps("-a")["polite.1"]; p.State != "exited" {
		t.Errorf("after Ctrl-C: %+v", p)
	}
	if logs := w.must("logs").out; !strings.Contains(logs, "bye") {
		t.Errorf("it was not asked politely:\n%s", logs)
	}
	w.file("stack.yaml", "services:\n  deaf: {image: stackup.test/busybox:1, command: [\"sh\", \"-c\", \"trap '' TERM; echo hello; while :; do sleep 0.1; done\"], stop_grace_period: 10m}\n")
	out, code, took = w.attached(2, "--remove-orphans")
	if code != 130 || took > allow(10*time.Second) {
		t.Errorf("two Ctrl-C: exit %d after %s\n%s", code, took, out)
	}
	w.must("down")
}

// attached runs up in the foreground until it shows hello, and interrupts it.
func (w *world) attached(interrupts int, flags ...string) (out string, code int, took time.Duration) {
	w.t.Helper()
	c := w.cmd(append([]string{"up"}, flags...)...)
	var buf lockedBuffer
	c.Stdout, c.Stderr = &buf, &buf
	check(w.t, c.Start())
	w.eventually("attached logs", func() bool { return strings.Contains(buf.String(), "hello") })
	start := slowness.Given()
	c.Process.Signal(syscall.SIGINT)
	if interrupts > 1 {
		w.eventually("it is stopping", func() bool { return strings.Contains(buf.String(), "stopping gracefully") })
		c.Process.Signal(syscall.SIGINT)
	}
	c.Wait()
	return buf.String(), c.ProcessState.ExitCode(), slowness.Given() - start
}

// Intent: two roots on one machine never meet, even on one containerd.
func TestTwoRootsNeverMeet(t *testing.T) {
	w := newWorld(t, only(containerd24))
	w.file("stack.yaml", "services:\n  a: {image: stackup.test/busybox:1, stop_grace_period: 0s}\n")
	w.must("up", "-d")
	other := []string{"--root", w.dir + "/r2", "--state", w.dir + "/s2"}
	w.must(append(other, "images", "load", busyboxImage)...)
	if out := w.must(append(other, "ps", "-a")...).out; strings.Contains(out, "shop-a-1") {
		t.Errorf("the other root sees this one's containers:\n%s", out)
	}
	w.must(append(other, "up", "-d")...)
	w.must(append(other, "down", "-v")...)
	w.must(append(other, "images", "rm", busyboxRef)...)
	if ps := w.ps(); len(ps) != 1 {
		t.Errorf("the other root's down took this one's containers: %v", ps)
	}
	w.must("down")
	w.eventually("the other root's helpers end", func() bool {
		for _, what := range processesOf(w.dir + "/s2") {
			if strings.Contains(what, "/s2") {
				return false
			}
		}
		return true
	})
	left := traces{}
	cgroupTraces(w.dir+"/r2", left)
	if diff := difference(traces{}, left); len(diff) > 0 {
		t.Errorf("the other root left control groups:\n%s", strings.Join(diff, "\n"))
	}
	check(t, os.RemoveAll(w.dir+"/r2"))
}

// lockedBuffer is written by a process and read by the test.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
