//go:build e2e

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// recorded is what the record has of all that has been, as "TYPE ACTION ID",
// without times; of a die also the code, of an end of a plan the outcome.
func (w *world) recorded(args ...string) (lines []string) {
	w.t.Helper()
	out := w.must(append([]string{"events", "--json", "--since", "1h", "--until", "0s"}, args...)...).out
	var last time.Time
	for line := range strings.Lines(out) {
		var x happening
		if err := json.Unmarshal([]byte(line), &x); err != nil || x.Time.Before(last) {
			w.t.Fatalf("events: %v in %q, after %s", err, line, last)
		}
		last = x.Time
		text := x.Type + " " + x.Action + " " + x.ID
		for _, more := range []string{"command", "outcome", "exitCode", "signal", "restartCount", "container"} {
			if v := x.Attributes[more]; v != "" {
				text += " " + v
			}
		}
		lines = append(lines, text)
	}
	return lines
}

// inOrder fails the test unless all of want are there, in their order, others
// between them or not.
func inOrder(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	left := got
	for _, line := range want {
		i := slices.Index(left, line)
		if i < 0 {
			t.Errorf("%s: %q is missing, or not in its place, among\n%s", what, line, strings.Join(got, "\n"))
			return
		}
		left = left[i+1:]
	}
}

// Intent: what has happened can be asked for afterwards, all of it and in its
// order, even when the stack has gone.
func TestEventsOfThePast(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  web:
    image: stackup.test/busybox:1
    init: true
    command: ["sleep", "1000"]
    volumes: ["data:/data"]
  once: {image: stackup.test/busybox:1, command: ["sh", "-c", "exit 3"]}
volumes: {data: {}}
`)
	w.must("up", "-d")
	w.must("images", "tag", busyboxRef, "stackup.test/other:2")
	w.must("images", "rm", "stackup.test/other:2")
	w.must("stop", "web")
	w.must("down", "-v")
	got := w.recorded()
	inOrder(t, "of the stack", got, "image load "+busyboxRef, "plan begin shop up", "network create shop_default",
		"container create shop-web-1-g1", "network connect shop_default shop-web-1-g1", "container start shop-web-1-g1", "plan end shop up done",
		"image tag stackup.test/other:2", "image untag stackup.test/other:2",
		"plan begin shop stop", "container kill shop-web-1-g1 15", "container die shop-web-1-g1 143", "container stop shop-web-1-g1",
		"network disconnect shop_default shop-web-1-g1", "plan end shop stop done",
		"plan begin shop down", "container destroy shop-web-1-g1", "network destroy shop_default", "plan end shop down done")
	inOrder(t, "of a volume", got, "volume create shop_data", "container start shop-web-1-g1", "volume destroy shop_data")
	inOrder(t, "of what ends at once", got, "container start shop-once-1-g1", "container die shop-once-1-g1 3", "container destroy shop-once-1-g1")
	for _, line := range got {
		if n := count(got, line); n > 1 {
			t.Errorf("%d times: %s", n, line)
		}
	}
	if only := w.recorded("once"); slices.ContainsFunc(only, func(s string) bool { return !strings.Contains(s, "shop-once-1") }) || len(only) < 4 {
		t.Errorf("of one service: %q", only)
	}
}

func count(list []string, what string) (n int) {
	for _, x := range list {
		if x == what {
			n++
		}
	}
	return n
}

// Intent: what a container does while nobody looks is told as soon as somebody
// looks again, once and with its own time.
func TestEventsWithoutSupervisor(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("stack.yaml", `
services:
  job: {image: stackup.test/busybox:1, command: ["sh", "-c", "until [ -e /tmp/end ]; do sleep 0.1; done; exit 5"]}
`)
	w.must("up", "-d", "--wait")
	before := []int{w.helper("logger"), w.helper("supervisor")}
	for _, sig := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} { // stopped first: each would bring the other back
		for _, pid := range before {
			check(t, syscall.Kill(pid, sig))
		}
	}
	w.must("exec", "job", "touch", "/tmp/end")
	w.eventually("the end", func() bool { return w.ps("-a")["job.1"].State == "exited" })
	ended := time.Now()
	h, done := w.listen("--since", "1h")
	w.eventually("the next supervisor tells", func() bool {
		return h.has("job", "die", func(a map[string]string) bool { return a["exitCode"] == "5" })
	})
	done()
	if now := w.helper("supervisor"); slices.Contains(before, now) {
		t.Errorf("supervisor %d is still there", now)
	}
	for _, x := range h.list {
		if x.Action == "die" && x.Time.After(ended) {
			t.Errorf("it ended at %s, by %s at the latest", x.Time, ended)
		}
	}
	if got := w.recorded(); count(got, "container die shop-job-1-g1 5") != 1 {
		t.Errorf("events: %q", got)
	}
	w.must("down")
}
