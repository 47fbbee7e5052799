//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// counter writes a number every 10 ms to a file and to its output, so that a
// container that is blocked shows.
const counter = `
services:
  c:
    image: stackup.test/busybox:1
    command: ["sh", "-c", "i=0; while :; do i=$$((i+1)); echo line $$i; echo $$i > /count/n; sleep 0.01; done"]
    volumes: ["./count:/count"]
    stop_grace_period: 0s
`

// advances fails the test unless the counter goes on.
func (w *world) advances(when string) {
	w.t.Helper()
	read := func() string {
		b, _ := os.ReadFile(filepath.Join(w.project, "count/n"))
		return string(b)
	}
	before := read()
	limit := within(6 * time.Second)
	for read() == before {
		if limit.passed() {
			w.t.Fatalf("%s: the container is blocked at %q", when, before)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// helper gives the process that holds the lock of the logger or of the
// supervisor. One too many that is just starting, and about to end, is not it.
func (w *world) helper(name string) int {
	w.t.Helper()
	var holder struct{ PID int }
	w.eventually(name+" runs", func() bool {
		b, err := os.ReadFile(filepath.Join(w.state(), "locks", name))
		if err != nil || json.Unmarshal(b, &holder) != nil {
			return false
		}
		_, alive := processesOf(w.dir)[holder.PID]
		return alive
	})
	return holder.PID
}

// Intent: a helper that is killed or stopped blocks no container and loses no line.
func TestHelpersKilledAndStopped(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", counter)
	w.must("up", "-d")
	w.advances("at first")
	for _, name := range []string{"logger", "supervisor"} {
		for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
			old := w.helper(name)
			check(t, syscall.Kill(old, sig))
			for range 5 {
				w.advances(fmt.Sprintf("%s after %s", name, sig))
			}
			w.eventually(name+" is replaced", func() bool { return w.helper(name) != old })
			w.advances(name + " replaced")
		}
	}
	w.eventually("there are a hundred lines", func() bool {
		b, _ := os.ReadFile(filepath.Join(w.project, "count/n"))
		n, err := strconv.Atoi(strings.TrimSpace(string(b)))
		return err == nil && n >= 100
	})
	w.noGaps(w.must("logs", "--no-log-prefix", "c").out)
	w.must("down")
}

// noGaps checks that the lines of the counter are all there, once each.
func (w *world) noGaps(text string) {
	w.t.Helper()
	want := 1
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); want++ {
		if got := s.Text(); got != fmt.Sprintf("line %d", want) {
			w.t.Fatalf("log has %q where %q belongs", got, fmt.Sprintf("line %d", want))
		}
	}
	if want < 100 {
		w.t.Errorf("only %d lines", want)
	}
}

// Intent: a full disk blocks no container; what was lost is marked.
func TestLogsOnAFullDisk(t *testing.T) {
	w := newWorld(t, only(embedded))
	logs := filepath.Join(w.root(), "logs")
	check(t, os.MkdirAll(logs, 0o700))
	w.rebase() // the folder stays
	check(t, syscall.Mount("tmpfs", logs, "tmpfs", 0, "size=64k"))
	w.file("stack.yaml", counter)
	w.must("up", "-d")
	ballast, err := os.Create(filepath.Join(logs, "ballast"))
	check(t, err)
	for err == nil {
		_, err = ballast.Write(make([]byte, 4096))
	}
	for range 150 { // more than what there is room for in the last page of the log
		w.advances("with a full disk")
	}
	check(t, os.Remove(ballast.Name()))
	check(t, ballast.Close()) // an open file keeps its space
	w.eventually("the loss is marked", func() bool {
		return strings.Contains(w.must("logs", "--no-log-prefix").err, "log lines lost")
	})
	w.advances("with room again")
	w.must("down")
	check(t, syscall.Unmount(logs, syscall.MNT_DETACH))
}

// Intent: what a container writes is bounded, and following sees rotation through.
func TestLogsAreBounded(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("stack.yaml", `
services:
  flood: {image: stackup.test/busybox:1, command: ["sh", "-c", "yes 0123456789012345678901234567890123456789 | head -n 2000000; echo the end; sleep 1000"], stop_grace_period: 0s}
`)
	w.must("up", "-d")
	w.eventually("the flood ends", func() bool {
		return strings.Contains(w.must("logs", "-n", "1", "--no-log-prefix").out, "the end")
	})
	var size int64
	files, err := filepath.Glob(filepath.Join(w.root(), "logs/*/*"))
	check(t, err)
	for _, f := range files {
		if st, err := os.Stat(f); err == nil {
			size += st.Size()
		}
	}
	if size > 32<<20 {
		t.Errorf("%d bytes of logs in %v", size, files)
	}
	w.must("down")
}

// Intent: logs of a span of time, of one replica, and as JSON.
func TestLogsChosen(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("stack.yaml", `
services:
  web: {image: stackup.test/busybox:1, scale: 2, command: ["sh", "-c", "echo early; until [ -e /go ]; do sleep 0.1; done; echo late; sleep 100000"], stop_grace_period: 0s}
`)
	up := time.Now()
	w.must("up", "-d")
	said := func(line string) {
		w.eventually("each replica has said "+line, func() bool { return strings.Count(w.must("logs").out, line) == 2 })
	}
	said("early")
	between := time.Now()
	w.must("exec", "-T", "--index", "1", "web", "busybox", "touch", "/go")
	w.must("exec", "-T", "--index", "2", "web", "busybox", "touch", "/go")
	said("late")
	lines := func(args ...string) string {
		return strings.Join(strings.Fields(w.must(append([]string{"logs", "--no-log-prefix"}, args...)...).out), " ")
	}
	began := w.ps()["web.1"]
	if got := lines("--index", "2"); got != "early late" {
		t.Errorf("of one replica: %q", got)
	}
	var first struct{ Time, Service, Container, Stream, Line string }
	out := w.must("logs", "--index", "1", "--format", "json").out
	check(t, json.Unmarshal([]byte(strings.SplitN(out, "\n", 2)[0]), &first))
	if first.Service != "web" || first.Container != "shop-web-1" || first.Stream != "stdout" || first.Line != "early" || began.Service != first.Service {
		t.Errorf("as JSON: %+v", first)
	}
	at, err := time.Parse(time.RFC3339Nano, first.Time)
	check(t, err)
	if age := between.Sub(at); age < 0 || age > between.Sub(up) {
		t.Errorf("said at %s, where up began at %s and all was said at %s", at, up, between)
	}
	after := between.Format(time.RFC3339Nano)
	if got := lines("--since", after); got != "late late" {
		t.Errorf("since %s: %q", after, got)
	}
	if got := lines("--until", after, "--index", "1"); got != "early" {
		t.Errorf("until %s: %q", after, got)
	}
	if r := w.run("logs", "--since", "yesterday"); r.code == 0 || !strings.Contains(r.err, "--since") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	w.must("down")
}
