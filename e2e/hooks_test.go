//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Intent: hooks run when the Specification says, as whom it says, and a
// post_start that fails fails the start.
func TestHooks(t *testing.T) {
	w := newWorld(t)
	stack := func(post string) string {
		return `
services:
  a:
    image: stackup.test/busybox:1
    user: app
    volumes: ["./out:/out"]
    post_start:
      - {command: ["sh", "-c", "` + post + `"], user: root, environment: {WHO: hook}, working_dir: /tmp}
    pre_stop:
      - command: ["sh", "-c", "echo stopping > /out/stop"]
        user: root
      - command: ["false"]
    stop_grace_period: 30s # the hooks' time too; SIGKILL needs none
    stop_signal: SIGKILL
`
	}
	read := func(name string) string {
		b, _ := os.ReadFile(filepath.Join(w.project, "out", name))
		return strings.TrimSpace(string(b))
	}
	w.file("stack.yaml", stack("echo $$WHO $$(id -u) $$(ls -d /proc/self/cwd/.) > /out/start"))
	w.must("up", "-d")
	if got := read("start"); got != "hook 0 /proc/self/cwd/." {
		t.Errorf("post_start wrote %q", got)
	}
	if read("stop") != "" {
		t.Error("pre_stop ran before the stop")
	}
	w.must("down")
	if got := read("stop"); got != "stopping" {
		t.Errorf("pre_stop wrote %q", got)
	}
	w.file("stack.yaml", stack("echo out of luck >&2; exit 7"))
	if r := w.run("up", "-d"); r.code != 1 || !strings.Contains(r.err, "post_start[0]: exited (7): out of luck") {
		t.Errorf("a post_start that fails: exit %d\n%s", r.code, r.err)
	}
	if ps := w.ps(); len(ps) != 0 {
		t.Errorf("it runs all the same: %v", ps)
	}
	w.file("stack.yaml", stack("true"))
	w.must("up", "-d")
	w.must("down")
}

// Intent: a command that is killed while a post_start hook runs has not started
// the container: the next one does, hook and all.
func TestKilledDuringPostStart(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("stack.yaml", `
services:
  a:
    image: stackup.test/busybox:1
    command: ["sleep", "100000"]
    volumes: ["./out:/out"]
    post_start: [{command: ["sh", "-c", "echo x >> /out/begun; sleep 2; echo x >> /out/done"]}]
    stop_grace_period: 0s
`)
	count := func(name string) int {
		b, _ := os.ReadFile(filepath.Join(w.project, "out", name))
		return strings.Count(string(b), "x")
	}
	cmd := w.cmd("up", "-d")
	check(t, cmd.Start())
	w.eventually("the hook has begun", func() bool { return count("begun") == 1 })
	check(t, cmd.Process.Kill())
	cmd.Wait()
	if r := w.run("plan"); !strings.Contains(r.out, "start") || strings.Contains(r.out, "create") {
		t.Errorf("plan after the kill:\n%s", r.out)
	}
	w.must("up", "-d")
	if count("begun") != 2 || count("done") < 1 {
		t.Errorf("the hook began %d times, and ended %d times", count("begun"), count("done"))
	}
	w.converged(1)
	w.must("up", "-d")
	if count("begun") != 2 {
		t.Error("a hook that has done its work ran again")
	}
	w.must("down")
}
