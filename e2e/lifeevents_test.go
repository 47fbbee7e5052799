//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// happening is one line of events --json.
type happening struct {
	Time                      time.Time
	Type, Service, ID, Action string
	Attributes                map[string]string
}

// heard collects what events tells.
type heard struct {
	mu   sync.Mutex
	list []happening
}

func (h *heard) has(service, action string, fits func(map[string]string) bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, x := range h.list {
		if x.Service == service && x.Action == action && fits(x.Attributes) {
			return true
		}
	}
	return false
}

// listen runs events until the test ends it.
func (w *world) listen(args ...string) (*heard, func()) {
	w.t.Helper()
	c := w.timed(time.Minute, append([]string{"events", "--json"}, args...)...)
	out, err := c.StdoutPipe()
	check(w.t, err)
	check(w.t, c.Start())
	h := &heard{}
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			var x happening
			if err := json.Unmarshal(s.Bytes(), &x); err != nil || x.Type == "" || x.Time.IsZero() {
				w.t.Errorf("events: %v in %q", err, s.Text())
				return
			}
			h.mu.Lock()
			h.list = append(h.list, x)
			h.mu.Unlock()
		}
	}()
	return h, func() {
		check(w.t, c.Process.Signal(syscall.SIGINT))
		if err := c.Wait(); err != nil {
			w.t.Errorf("events after Ctrl-C: %v", err)
		}
	}
}

func anyhow(map[string]string) bool { return true }

// Intent: whoever listens hears what happens to containers, and why they end.
func TestEvents(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  web:
    image: stackup.test/busybox:1
    healthcheck: {test: ["CMD", "true"], interval: 1s, start_interval: 100ms, start_period: 5s}
    stop_grace_period: 0s
  ends: {image: stackup.test/busybox:1, command: ["sh", "-c", "exit 4"]}
`)
	h, done := w.listen("--since", "1h")
	w.must("up", "-d", "web", "ends")
	for _, action := range []string{"create", "start", "health_status: healthy"} {
		w.eventually("events tell: "+action, func() bool {
			return h.has("web", action, func(a map[string]string) bool { return a["name"] == "shop-web-1" && a["image"] == busyboxRef })
		})
	}
	w.eventually("events tell of an exit code", func() bool {
		return h.has("ends", "die", func(a map[string]string) bool { return a["exitCode"] == "4" })
	})
	w.must("pause", "web")
	w.must("unpause", "web")
	w.must("kill", "web")
	past := w.must("events", "--since", "1h", "--until", "0s", "web").out
	if !regexp.MustCompile(`(?m)^\S+ \S+ container die shop-web-1-g1 \(exitCode=137, image=`+busyboxRef+`, name=shop-web-1\)$`).MatchString(past) ||
		strings.Contains(past, "ends") || strings.Count(past, " die ") != 1 {
		t.Errorf("events of the past:\n%s", past)
	}
	w.must("down")
	for _, action := range []string{"pause", "unpause", "kill", "die", "destroy"} {
		w.eventually("events tell: "+action, func() bool { return h.has("web", action, anyhow) })
	}
	done()
}

// Intent: events tell that a container has ended for want of memory.
func TestEventsOfMemory(t *testing.T) {
	w := newWorld(t)
	needsControllers(t, "memory")
	w.file("stack.yaml", `
services:
  eater:
    image: stackup.test/busybox:1
    mem_limit: 16m
    memswap_limit: 16m
    command: ["sh", "-c", "head -c 100000000 /dev/zero | grep -c x"]
`)
	h, done := w.listen("--since", "1h")
	w.must("up", "-d")
	w.eventually("events tell that memory ran out", func() bool {
		return h.has("eater", "oom", anyhow) && h.has("eater", "die", func(a map[string]string) bool { return a["oomKilled"] == "true" })
	})
	w.must("down")
	done()
}

// Intent: a container that is paused while processes are being started in it can be
// unpaused, and neither it nor its neighbours hang.
func TestPauseAmidProbes(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  probed: {image: stackup.test/busybox:1, healthcheck: {test: ["CMD", "true"], interval: 10ms, timeout: 5s}, stop_grace_period: 0s}
  other: {image: stackup.test/busybox:1, healthcheck: {test: ["CMD", "true"], interval: 10ms}, stop_grace_period: 0s}
`)
	w.must("up", "-d")
	for range 4 {
		w.must("pause", "probed")
		w.must("exec", "-T", "other", "true")
		w.must("unpause", "probed")
		w.must("exec", "-T", "probed", "true")
	}
	w.must("down")
}

// Intent: stats shows no more than half a processor, some memory of 64 MiB, and processes.
func TestStats(t *testing.T) {
	w := newWorld(t)
	needsControllers(t, "memory")
	w.file("stack.yaml", `
services:
  web:
    image: stackup.test/busybox:1
    init: true
    mem_limit: 64m
    command: ["sh", "-c", "while :; do :; done"]
    cpus: 0.5
    stop_grace_period: 0s
  idle: {image: stackup.test/busybox:1, stop_grace_period: 0s}
`)
	w.must("up", "-d")
	var s struct{ Name, CPUPerc, MemUsage, MemPerc, NetIO, BlockIO, PIDs, ID string }
	check(t, json.Unmarshal([]byte(w.must("stats", "--no-stream", "--format", "json", "web").out), &s))
	if s.Name != "shop-web-1" || !regexp.MustCompile(`^([1-9]|[1-5]\d|60)\.\d\d%$`).MatchString(s.CPUPerc) ||
		!regexp.MustCompile(`^[\d.]+[kKM]iB / 64MiB$`).MatchString(s.MemUsage) || s.PIDs == "0" || s.NetIO == "0B / 0B" {
		t.Errorf("stats: %+v", s)
	}
	out := w.must("stats", "--no-stream", "-a", "--format", `table {{.Name}}\t{{.PIDs}}`).out
	if !regexp.MustCompile(`^NAME +PIDS\n(shop-\S+ +\d+\n){2}$`).MatchString(out) {
		t.Errorf("stats by a template:\n%s", out)
	}
	w.refused("--format", "stats", "--no-stream", "--format", "{{.Nope}}")
	w.must("down")
}

// Intent: a user sits down at a container: lines go in and out, signals arrive, and the
// exit code comes back.
func TestAttach(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  ended: {image: stackup.test/busybox:1, command: ["true"]}
  shell:
    image: stackup.test/busybox:1
    init: true
    stdin_open: true
    command: ["sh", "-c", "trap 'echo got HUP' HUP; while :; do if read line; then echo heard $$line; [ $$line = bye ] && exit 4; fi; done"]
`)
	w.must("up", "-d")
	w.eventually("ended has ended", func() bool { return w.ps("-a")["ended.1"].State == "exited" })
	w.refused("not running", "attach", "ended")
	w.refused("--detach-keys", "attach", "--detach-keys", "ctrl-?", "shell")
	c := w.timed(20*time.Second, "attach", "shell")
	in, err := c.StdinPipe()
	check(t, err)
	out, err := c.StdoutPipe()
	check(t, err)
	check(t, c.Start())
	lines := bufio.NewReader(out)
	expect := func(want string) {
		t.Helper()
		if got, err := lines.ReadString('\n'); got != want+"\n" {
			t.Errorf("attach shows %q (%v), want %q", got, err, want)
		}
	}
	say := func(text string) { _, err := io.WriteString(in, text+"\n"); check(t, err) }
	say("hello")
	expect("heard hello")
	check(t, c.Process.Signal(syscall.SIGHUP))
	expect("got HUP")
	say("again")
	expect("heard again")
	say("bye")
	expect("heard bye")
	_ = c.Wait()
	if code := c.ProcessState.ExitCode(); code != 4 {
		t.Errorf("attach ends with %d, want 4", code)
	}
	w.must("down")
}
