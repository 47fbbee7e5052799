//go:build e2e

package e2e

import (
	"math/bits"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Intent: exec is as good in a pipe as a local program: input and its end go
// in, output and the exit code come out, and what it leaves running holds
// nobody up.
func TestExecInAPipe(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  a: {image: stackup.test/busybox:1, init: true, stop_grace_period: 0s}
  done: {image: stackup.test/busybox:1, command: ["true"]}
`)
	w.must("up", "-d")
	for _, c := range []struct {
		name, stdin, want string
		args              []string
		code              int
	}{
		{"input", "hello\n", "hello\n", []string{"a", "cat"}, 0},
		{"no input", "", "", []string{"a", "cat"}, 0},
		{"input that nobody reads", strings.Repeat("x", 1<<20), "", []string{"a", "true"}, 0},
		{"much input", strings.Repeat("y", 1<<20), strings.Repeat("y", 1<<20), []string{"a", "cat"}, 0},
		{"something left running", "", "", []string{"a", "sh", "-c", "sleep 1000 &"}, 0},
		{"exit code", "", "out\n", []string{"a", "sh", "-c", "echo out; exit 7"}, 7},
	} {
		r := w.piped(c.stdin, append([]string{"exec", "-T"}, c.args...)...)
		if r.code != c.code || r.out != c.want || r.took > allow(5*time.Second) {
			t.Errorf("%s: exit %d after %s, want %d; %d bytes of output, want %d\n%.200s\n%.500s",
				c.name, r.code, r.took, c.code, len(r.out), len(c.want), r.out, r.err)
		}
	}
	for service, why := range map[string]string{"done": "not running", "nope": "nope"} {
		r := w.piped("", "exec", "-T", service, "true")
		if r.code != 1 || !strings.Contains(r.err, service) || !strings.Contains(r.err, why) {
			t.Errorf("exec in %s: exit %d, want 1 with %q\n%s", service, r.code, why, r.err)
		}
		t.Log(strings.TrimSpace(r.err))
	}
	w.must("down")
}

// Intent: exec -d does not wait, and the process goes on; --privileged has all
// capabilities of this machine, where the container has but a few.
func TestExecFlags(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("stack.yaml", "services:\n  a: {image: stackup.test/busybox:1, init: true, stop_grace_period: 0s}\n")
	w.must("up", "-d")
	if r := w.piped("", "exec", "-d", "a", "sh", "-c", "echo begun > /tmp/begun; sleep 1000"); r.code != 0 || r.out != "" || r.took > allow(5*time.Second) {
		t.Errorf("exec -d: exit %d after %s\n%s%s", r.code, r.took, r.out, r.err)
	}
	w.eventually("what was started with -d runs", func() bool {
		return strings.TrimSpace(w.piped("", "exec", "-T", "a", "cat", "/tmp/begun").out) == "begun"
	})
	caps := func(flags ...string) uint64 {
		r := w.piped("", append(append([]string{"exec", "-T"}, flags...), "a", "sh", "-c", "grep CapEff /proc/self/status")...)
		n, err := strconv.ParseUint(strings.TrimSpace(strings.TrimPrefix(r.out, "CapEff:")), 16, 64)
		check(t, err)
		return n
	}
	if own, all := caps(), caps("--privileged"); bits.OnesCount64(own) != 14 || bits.OnesCount64(all) < 30 {
		t.Errorf("capabilities %x, with --privileged %x", own, all)
	}
	w.must("down")
}

// piped runs stackup with an input, ten seconds at most.
func (w *world) piped(stdin string, args ...string) result {
	w.t.Helper()
	c := w.timed(10*time.Second, args...)
	c.Stdin = strings.NewReader(stdin)
	return runCmd(w.t, c)
}
