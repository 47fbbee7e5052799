//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// watching is a watch that runs beside the test.
type watching struct {
	w    *world
	cmd  *exec.Cmd
	said lockedBuffer
	seen int // of said, by expect
}

// watch starts a watch, and returns once it says that it watches.
func (w *world) watch(args ...string) *watching {
	w.t.Helper()
	v := &watching{w: w, cmd: w.cmd(args...)}
	v.cmd.Stdout, v.cmd.Stderr = &v.said, &v.said
	check(w.t, v.cmd.Start())
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Logf("watch has said:\n%s", v.said.String())
		}
	})
	v.expect("watching ")
	return v
}

// expect waits until the watch has said all of that since the last time.
func (v *watching) expect(parts ...string) {
	v.w.t.Helper()
	limit := within(20 * time.Second)
	for {
		text := v.said.String()
		if end := afterAll(text[v.seen:], parts); end > 0 {
			v.seen += end
			return
		}
		if limit.passed() {
			v.w.t.Fatalf("watch has not said %q; it said\n%s", parts, text)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// afterAll is the end of the first lines that have all parts; 0 if they are not
// there whole.
func afterAll(text string, parts []string) (end int) {
	for _, p := range parts {
		at := strings.Index(text, p)
		if at < 0 {
			return 0
		}
		line := strings.IndexByte(text[at:], '\n')
		if line < 0 {
			return 0
		}
		end = max(end, at+line+1)
	}
	return end
}

// end is Ctrl-C.
func (v *watching) end() {
	v.w.t.Helper()
	check(v.w.t, v.cmd.Process.Signal(syscall.SIGINT))
	v.cmd.Wait()
	if code := v.cmd.ProcessState.ExitCode(); code != 130 {
		v.w.t.Errorf("watch after Ctrl-C: exit %d\n%s", code, v.said.String())
	}
}

// fileBecomes waits until a file in the container is as wanted; empty: not there.
func (w *world) fileBecomes(service, path, want string) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("%s in %s is %q", path, service, want), func() bool {
		for pid := range processesIn(w, "shop-"+service+"-1") {
			b, err := os.ReadFile("/proc/" + pid + "/root" + path)
			return string(b) == want && (want != "" || os.IsNotExist(err))
		}
		return false // it is being started
	})
}

const watchStack = `
services:
  web:
    image: stackup.test/busybox:1
    user: "1000:1000"
    scale: 2
    stop_grace_period: 0s
    develop:
      watch:
        - {path: ./src, action: sync, target: /tmp/app, ignore: [node_modules/, "*.log"]}
        - {path: ./conf, action: sync+restart, target: /tmp/conf}
        - path: ./job
          action: sync+exec
          target: /tmp/job
          include: ["*.sql"]
          exec: {command: ["sh", "-c", "cat /tmp/job/*.sql >> /tmp/ran"], user: "0:0"}
        - {path: ./go, action: restart}
  other: {image: stackup.test/busybox:1, stop_grace_period: 0s}
`

// watchRules starts a watch of watchStack. Its end fails the test if the watch has
// touched another service.
func (w *world) watchRules() (*watching, func()) {
	w.t.Helper()
	for name, text := range map[string]string{
		"src/page": "one", "conf/a": "1", "job/skipped": "", "go/on": "", "src/node_modules/x/deep": "no", "src/keep": "k",
	} {
		w.file(name, text)
	}
	w.file("stack.yaml", watchStack)
	v := w.watch("watch")
	other := w.pidsOf("shop-other")
	return v, func() {
		w.t.Helper()
		if _, since, _ := strings.Cut(v.said.String(), "watching "); strings.Contains(since, "other") || w.pidsOf("shop-other") != other {
			w.t.Error("another service was touched")
		}
		v.end()
		w.must("down")
	}
}

// Intent: a save, a rename and a deletion are in every replica, as the container's user,
// and nothing else happens.
func TestWatchSync(t *testing.T) {
	w := newWorld(t)
	v, end := w.watchRules()
	before := w.ps()
	w.file("src/page", "two")
	v.expect("web", "sync", "src/page")
	w.fileBecomes("web", "/tmp/app/page", "two")
	for _, i := range []string{"1", "2"} {
		if out := w.must("exec", "-T", "--index", i, "web", "ls", "-ln", "/tmp/app/page").out; !strings.Contains(out, " 1000 ") {
			t.Errorf("replica %s: owner of %q", i, out)
		}
	}
	w.file("src/new/deep/file", "deep")
	w.fileBecomes("web", "/tmp/app/new/deep/file", "deep")
	w.inside("web", map[string]string{"id -u": "1000", "cat /tmp/app/new/deep/file": "deep"})
	check(t, os.Rename(filepath.Join(w.project, "src/new"), filepath.Join(w.project, "src/moved")))
	w.fileBecomes("web", "/tmp/app/moved/deep/file", "deep")
	w.fileBecomes("web", "/tmp/app/new/deep/file", "")
	check(t, os.RemoveAll(filepath.Join(w.project, "src/moved")))
	w.fileBecomes("web", "/tmp/app/moved/deep/file", "")
	w.file("src/node_modules/x/deep", "changed")
	w.file("src/some.log", "line")
	w.file("src/last", "last")
	w.fileBecomes("web", "/tmp/app/last", "last")
	w.inside("web", map[string]string{"ls /tmp/app": "(?s)last\npage"})
	if now := w.ps(); now["web.1"].ID != before["web.1"].ID || now["web.2"].ID != before["web.2"].ID || now["other.1"].ID != before["other.1"].ID {
		t.Errorf("a sync has replaced containers: %v, were %v", now, before)
	}
	end()
}

// Intent: sync+restart restarts once for all files of a save, and restart for a save.
func TestWatchRestarts(t *testing.T) {
	w := newWorld(t)
	v, end := w.watchRules()
	pids := w.pidsOf("shop-web")
	for i := range 50 {
		w.file(fmt.Sprintf("conf/f%d", i), "x")
	}
	v.expect("web", "restart")
	w.eventually("both run again", func() bool { return len(w.ps()) == 3 && w.pidsOf("shop-web") != pids })
	w.fileBecomes("web", "/tmp/conf/f49", "x")
	pids = w.pidsOf("shop-web")
	w.file("go/on", "again")
	v.expect("web", "restart", "go/on")
	w.eventually("restarted", func() bool { return w.pidsOf("shop-web") != pids })
	end()
}

// Intent: sync+exec runs its command once for the files that are included.
func TestWatchExec(t *testing.T) {
	w := newWorld(t)
	v, end := w.watchRules()
	w.file("job/skipped", "not sql")
	w.file("job/one.sql", "select;")
	v.expect("web", "exec")
	w.fileBecomes("web", "/tmp/ran", "select;")
	w.inside("web", map[string]string{"ls /tmp/job": "one.sql"})
	end()
}

// Intent: a save of the stack file, or of a file that it reads, is brought about
// and told with its reason; one that is wrong changes nothing.
func TestWatchStackFile(t *testing.T) {
	w := newWorld(t, slowly())
	stack := `
services:
  a:
    image: stackup.test/busybox:1
    environment: {LEVEL: info, PORT: "${PORT}"}
    env_file: a.env
    configs: [conf]
    stop_grace_period: 0s
  b: {image: stackup.test/busybox:1, stop_grace_period: 0s}
configs: {conf: {file: ./conf.txt}}
`
	w.file(".env", "PORT=1\n")
	w.file("a.env", "MORE=1\n")
	w.file("conf.txt", "first")
	w.file("stack.yaml", stack)
	v := w.watch("watch")
	first := w.ps()
	w.file("stack.yaml", strings.Replace(stack, "LEVEL: info", "LEVEL: debug", 1))
	v.expect("stack.yaml", "a", "environment.LEVEL")
	w.inside("a", map[string]string{"echo $LEVEL": "debug"})

	w.file("stack.yaml", "services:\n  a: {image: stackup.test/busybox:1, imag: x}\n")
	v.expect("stack.yaml:2:", "imag")
	if now := w.ps(); len(now) != 2 || now["b.1"].ID != first["b.1"].ID {
		t.Errorf("a wrong save has changed what runs: %v", now)
	}
	stack = strings.Replace(stack, "LEVEL: info", "LEVEL: warn", 1)
	w.file("stack.yaml", stack)
	v.expect("stack.yaml", "environment.LEVEL")
	w.inside("a", map[string]string{"echo $LEVEL": "warn"})

	w.file(".env", "PORT=2\n")
	v.expect(".env", "environment.PORT")
	w.inside("a", map[string]string{"echo $PORT": "2"})
	w.file("a.env", "MORE=2\n")
	v.expect("a.env", "environment.MORE")
	w.file("conf.txt", "second")
	v.expect("conf.txt", "configs.conf")
	w.fileBecomes("a", "/conf", "second")

	at := w.ps()["a.1"].ID
	w.file("stack.yaml", strings.Replace(stack, "  b: {", "  c: {image: stackup.test/busybox:1, stop_grace_period: 0s}\n  b: {restart: always, ", 1))
	v.expect("stack.yaml", "c")
	w.eventually("three run", func() bool { return len(w.ps()) == 3 })
	if now := w.ps(); now["a.1"].ID != at || now["b.1"].ID != first["b.1"].ID {
		t.Errorf("a harmless save has replaced containers: %v", now)
	}
	v.end()
	w.must("down", "--remove-orphans")
}

// Intent: with --confirm nothing that runs is replaced without a yes; without a
// terminal that is a no, and the rest is done.
func TestWatchConfirm(t *testing.T) {
	w := newWorld(t, only(embedded))
	stack := "services:\n  a: {image: stackup.test/busybox:1, environment: {LEVEL: info}, stop_grace_period: 0s}\n"
	w.file("stack.yaml", stack)
	v := w.watch("watch", "--confirm")
	id := w.ps()["a.1"].ID
	w.file("stack.yaml", strings.Replace(stack, "info", "debug", 1))
	v.expect("stack.yaml", "not done")
	if now := w.ps()["a.1"].ID; now != id {
		t.Error("replaced without a yes")
	}
	w.file("stack.yaml", strings.Replace(stack, "stop_grace", "restart: always, stop_grace", 1))
	v.expect("stack.yaml", "restart")
	v.end()
	if r := w.must("plan"); !strings.Contains(r.out, "nothing to do") && !strings.Contains(r.out, "1 unchanged") {
		t.Errorf("the harmless change was not made:\n%s", r.out)
	}
	w.must("down")
}

// Intent: whatever ends meanwhile, the copy is as the original once all is quiet.
func TestWatchThroughFaults(t *testing.T) {
	w := newWorld(t)
	w.file("src/page", "0")
	w.file("stack.yaml", `
services:
  web:
    image: stackup.test/busybox:1
    restart: always
    stop_grace_period: 0s
    develop: {watch: [{path: ./src, action: sync, target: /app, initial_sync: true}]}
`)
	v := w.watch("watch")
	w.fileBecomes("web", "/app/page", "0") // initial_sync
	w.file("src/page", "1")
	w.fileBecomes("web", "/app/page", "1")
	w.must("kill", "-s", "KILL", "web")
	w.file("src/page", "2") // into one that does not run
	w.must("start", "web")
	w.fileBecomes("web", "/app/page", "2")
	w.must("up", "-d", "--force-recreate") // by somebody else
	w.fileBecomes("web", "/app/page", "2")
	w.killEngine(syscall.SIGKILL)
	w.file("src/page", "3")
	w.engineBack()
	w.file("src/other", "4") // the next change brings the failed one too
	w.fileBecomes("web", "/app/page", "3")
	w.must("up", "-d", "--scale", "web=2")
	w.eventually("a new replica has all", func() bool {
		return w.run("exec", "-T", "--index", "2", "web", "cat", "/app/page", "/app/other").out == "34"
	})
	r := w.run("watch")
	if r.code != 1 || !strings.Contains(r.err, "watched by") {
		t.Errorf("a second watch: exit %d\n%s", r.code, r.err)
	}
	v.end()
	w.must("down")
}

// Intent: up --watch shows the logs, and goes on showing them after a restart.
func TestUpWatch(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("src/page", "0")
	stack := `
services:
  web:
    image: stackup.test/busybox:1
    command: ["sh", "-c", "echo began with $$(cat /app/page); sleep 100000"]
    stop_grace_period: 0s
    develop: {watch: [{path: ./src, action: sync+restart, target: /app}]}
`
	w.file("stack.yaml", stack)
	v := w.watch("up", "--watch", "--scale", "web=2")
	v.expect("began with")
	w.file("src/page", "again")
	v.expect("web", "restart", "began with again") // whichever comes first
	w.file("stack.yaml", stack+"    environment: {NEW: value}\n")
	v.expect("environment.NEW")
	if ps := w.ps(); len(ps) != 2 {
		t.Errorf("--scale holds for as long as the command does: %v", ps)
	}
	v.end()
	if ps := w.ps(); len(ps) != 0 {
		t.Errorf("Ctrl-C has left running: %v", ps)
	}
	w.must("down")
}

// Intent: a rebuild replaces the container by one of the new image, and a build
// that newer changes have made stale is given up.
func TestWatchRebuild(t *testing.T) {
	w := newWorld(t, only(embedded), slowly())
	w.mayKeepBuildCache()
	w.file("web/Dockerfile", "FROM stackup.test/busybox:1\nCOPY page /page\nRUN test \"$(cat /page)\" != slow || sleep 60\n")
	w.file("web/page", "one")
	w.file("stack.yaml", `
services:
  web:
    build: ./web
    command: ["sleep", "100000"]
    stop_grace_period: 0s
    develop: {watch: [{path: ./web, action: rebuild}]}
`)
	v := w.watch("watch")
	w.fileBecomes("web", "/page", "one")
	w.file("web/page", "two")
	v.expect("web", "rebuil", "page")
	w.fileBecomes("web", "/page", "two")
	w.file("web/page", "slow")
	w.eventually("it builds", func() bool { return len(processesOf("sleep\x0060")) > 0 })
	w.file("web/page", "three")
	w.fileBecomes("web", "/page", "three")
	w.file("web/Dockerfile", "FROM stackup.test/busybox:1\nCOPY none /page\n")
	v.expect("web", "fail")
	w.fileBecomes("web", "/page", "three")
	w.file("web/Dockerfile", "FROM stackup.test/busybox:1\nCOPY page /page\n")
	w.file("web/page", "four")
	w.fileBecomes("web", "/page", "four")
	v.end()
	w.must("down")
}
