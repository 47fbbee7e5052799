//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// lives is a stack of which each start of a container is a line of a file.
const lives = `
services:
  db:
    image: stackup.test/busybox:1
    init: true
    command: ["sh", "-c", "echo db >> /seen/starts; touch /ready/yes; exec sleep 1000"]
    tmpfs: /ready
    healthcheck: {test: ["CMD", "cat", "/ready/yes"], interval: 1s, start_interval: 100ms, start_period: 5s}
    restart: always
    volumes: ["./seen:/seen"]
  web:
    image: stackup.test/busybox:1
    init: true
    command: ["sh", "-c", "echo web >> /seen/starts; exec sleep 1000"]
    depends_on: {db: {condition: service_healthy, restart: true}}
    volumes: ["./seen:/seen", /anon]
`

// startsInOrder waits until these services have started since the last call, in this
// order, and no others.
func (w *world) startsInOrder(when, want string) {
	w.t.Helper()
	path := filepath.Join(w.project, "seen/starts")
	w.eventually(when+" starts "+want, func() bool {
		b, err := os.ReadFile(path)
		check(w.t, err)
		return strings.Join(strings.Fields(string(b)), " ") == want
	})
	check(w.t, os.Truncate(path, 0))
}

// states returns the states of db and of web, as ps shows them.
func (w *world) states(args ...string) string {
	w.t.Helper()
	ps := w.ps(args...)
	return ps["db.1"].State + " " + ps["web.1"].State
}

// refused runs stackup, which must fail with one error that says why.
func (w *world) refused(why string, args ...string) {
	w.t.Helper()
	r := w.run(args...)
	if r.code != 1 || !strings.Contains(r.err, why) {
		w.t.Errorf("stackup %s: exit %d, want 1 with %q\n%s%s", strings.Join(args, " "), r.code, why, r.out, r.err)
	}
}

// running makes a world in which the stack of lives runs.
func running(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.file("stack.yaml", lives)
	w.file("seen/starts", "")
	w.must("up", "-d", "--wait")
	w.startsInOrder("up", "db web")
	return w
}

// Intent: containers are made, started, stopped and restarted on command, in the order
// of their dependencies, and nobody undoes it.
func TestLifeOnCommand(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", lives)
	w.file("seen/starts", "")
	w.refused("no container to start", "start")
	w.must("create")
	w.must("start", "--wait", "--wait-timeout", "20")
	first := w.ps()
	w.startsInOrder("start", "db web")

	r := w.must("stop")
	if db, web := strings.Index(r.err, "shop-db-1  Stopping"), strings.Index(r.err, "shop-web-1  Stopped"); web < 0 || db < web {
		t.Errorf("web does not stop before db:\n%s", r.err)
	}
	w.supervisorActs() // and does not undo it
	ps := w.ps("-a")
	if s := w.states("-a"); s != "exited exited" || ps["db.1"].ExitCode != 143 {
		t.Errorf("after stop: %s, %+v", s, ps["db.1"])
	}
	if r := w.must("stop"); !strings.Contains(r.err, "nothing to stop") {
		t.Errorf("a second stop: %s", r.err)
	}
	w.must("start", "web") // and what it depends on, first
	w.startsInOrder("start web", "db web")
	w.must("restart", "-t", "1", "db") // and what says so of it
	w.startsInOrder("restart db", "db web")
	w.must("restart", "--no-deps", "db")
	w.startsInOrder("restart --no-deps db", "db")
	w.must("-p", "shop", "-f", "stack.yaml", "restart", "web")
	w.startsInOrder("restart web", "web")
	if ps := w.ps(); ps["web.1"].ID != first["web.1"].ID || ps["db.1"].ID != first["db.1"].ID {
		t.Errorf("other containers than at first: %v", ps)
	}
	w.must("down", "-v")
}

// Intent: a paused container does nothing until it may go on.
func TestPauseOnCommand(t *testing.T) {
	w := running(t)
	w.must("pause", "web")
	if s := w.states(); s != "running paused" {
		t.Errorf("after pause web: %s", s)
	}
	w.must("pause", "web") // once more is no harm
	w.refused("paused", "start", "web")
	w.refused(`service "db" is not paused`, "unpause", "db")
	w.must("unpause")
	if s := w.states(); s != "running running" {
		t.Errorf("after unpause: %s", s)
	}
	w.must("down", "-v")
}

// Intent: SIGKILL is meant to last; another signal is what the process makes of it.
func TestKillOnCommand(t *testing.T) {
	w := running(t)
	w.refused("no such signal", "kill", "-s", "NOPE", "db")
	w.must("kill", "-s", "SIGINT", "db") // its restart policy brings it back
	w.startsInOrder("SIGINT", "db")
	w.must("pause", "web")
	w.must("kill")
	w.supervisorActs()
	if ps := w.ps("-a"); w.states("-a") != "exited exited" || ps["db.1"].ExitCode != 137 || ps["web.1"].ExitCode != 137 {
		t.Errorf("after kill: %v", ps)
	}
	w.refused(`service "web" is not running`, "kill", "web")
	w.must("down", "-v")
}

// Intent: what does not run goes when that is wished for; its anonymous volume only if
// that is.
func TestRemoveOnCommand(t *testing.T) {
	w := running(t)
	w.must("kill")
	w.refused("--force", "rm", "web") // there is nobody to ask
	w.refused("no such service", "rm", "-f", "wbe")
	if r := w.piped("n\n", "rm", "web"); r.code != 0 || len(w.ps("-a")) != 2 {
		t.Errorf("rm with n for an answer: exit %d\n%s", r.code, r.err)
	}
	if r := w.piped("y\n", "rm", "web"); r.code != 0 || !strings.Contains(r.err, "Going to remove shop-web-1") {
		t.Errorf("rm: exit %d\n%s", r.code, r.err)
	}
	volumes := func() int { return len(strings.Fields(w.must("volumes", "ls", "-q").out)) }
	if ps := w.ps("-a"); len(ps) != 1 || volumes() != 1 {
		t.Errorf("after rm web: %v, %d volumes", ps, volumes())
	}
	w.must("up", "-d")
	w.must("rm", "-f")
	if ps := w.ps("-a"); len(ps) != 2 {
		t.Errorf("rm of what runs: %v", ps)
	}
	w.must("-p", "shop", "rm", "-fsv", "web")
	if ps := w.ps("-a"); len(ps) != 1 || volumes() != 0 {
		t.Errorf("after rm -sv web: %v, %d volumes", ps, volumes())
	}
	w.must("down", "-v")
}

// looked is a stack of a service that runs and of a job that fails twice.
const looked = `
services:
  web:
    image: stackup.test/busybox:1
    command: ["sh", "-c", "sleep 1000"]
    init: true
    ports: ["18090:80", "127.0.0.1:18091:53/udp"]
  job:
    image: stackup.test/busybox:1
    command: ["sh", "-c", "echo run; sleep 0.5; exit 5"]
    init: true
    restart: on-failure:1
`

// Intent: a user waits for a job's end, and scales all to nothing.
func TestWait(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", looked)
	w.refused("job", "wait", "job")
	w.must("up", "-d")
	if r := w.run("wait", "job"); r.code != 5 || r.out != "container \"shop-job-1\" exited with status code 5\n" {
		t.Errorf("wait: exit %d\n%s%s", r.code, r.out, r.err)
	}
	w.eventually("job has run twice", func() bool { return strings.Count(w.must("logs", "--no-log-prefix", "job").out, "run") == 2 })
	w.eventually("job has ended for good", func() bool { return w.ps("-a")["job.1"].State == "exited" })
	w.must("scale", "web=0", "job=0")
	w.must("-p", "shop", "--project-directory", "/", "ls") // needs no file
	if ps := w.ps("-a"); len(ps) != 0 {
		t.Errorf("scaled to nothing: %v", ps)
	}
	w.must("down")
}

// Intent: a user sees ports, processes and stacks.
func TestPortTopAndList(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", looked)
	if r := w.must("ls"); strings.TrimSpace(r.out) != "NAME   STATUS   CONFIG FILES" {
		t.Errorf("ls of nothing:\n%s", r.out)
	}
	w.must("up", "-d")
	for want, args := range map[string][]string{
		"0.0.0.0:18090\n":   {"port", "web", "80"},
		"127.0.0.1:18091\n": {"port", "--protocol", "udp", "--index", "1", "web", "53"},
		"53/udp -> 127.0.0.1:18091\n80/tcp -> 0.0.0.0:18090\n": {"port", "web"},
	} {
		lines := strings.SplitAfter(w.must(args...).out, "\n")
		slices.Sort(lines)
		if got := strings.Join(lines, ""); got != want {
			t.Errorf("%v: %q, want %q", args, got, want)
		}
	}
	w.refused("no port 81/tcp for container shop-web-1", "port", "web", "81")
	w.refused("not running container #2", "port", "--index", "2", "web", "80")
	w.eventually("job has ended for good", func() bool { return w.ps("-a")["job.1"].State == "exited" })
	w.topAndList()
	w.must("down")
}

// Intent: a user sets how many containers of a service there are, and waits for the
// first of them to end, with which the whole stack goes.
func TestScaleAndWaitDown(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", replicas)
	w.must("up", "-d")
	w.must("scale", "web=3")
	// By now it may have ended by itself, as it does after three seconds.
	if ps := w.ps("-a"); len(ps) != 4 || ps["web.3"].State != "running" && ps["web.3"].ExitCode != 7 {
		t.Errorf("scale web=3: %v", ps)
	}
	w.must("rm", "-fs", "db")
	w.must("scale", "--no-deps", "web=1")
	if ps := w.ps("-a"); len(ps) != 1 {
		t.Errorf("scale --no-deps web=1: %v", ps)
	}
	w.must("scale", "web=2")
	if ps := w.ps("-a"); len(ps) != 3 {
		t.Errorf("scale web=2: %v", ps)
	}
	if r := w.run("wait", "--down-project", "web"); r.code != 143 && r.code != 7 {
		t.Errorf("wait --down-project: exit %d\n%s%s", r.code, r.out, r.err)
	}
	if ps := w.ps("-a"); len(ps) != 0 {
		t.Errorf("after wait --down-project: %v", ps)
	}
}

const replicas = `
services:
  db: {image: stackup.test/busybox:1, init: true}
  web: {image: stackup.test/busybox:1, command: ["sh", "-c", "sleep 3; exit 7"], init: true, depends_on: [db]}
`

// topAndList checks that top and ls tell of the one service that runs.
func (w *world) topAndList() {
	w.t.Helper()
	r := w.must("top")
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	if len(lines) != 3 || strings.Join(strings.Fields(lines[0]), " ") != "SERVICE # UID PID PPID C STIME TTY TIME CMD" {
		w.t.Errorf("top:\n%s", r.out)
	}
	if !strings.HasPrefix(lines[2], "web") || !strings.Contains(lines[2], " root ") || !strings.HasSuffix(lines[2], "sleep 1000") {
		w.t.Errorf("top has not the process:\n%s", r.out)
	}
	file := filepath.Join(w.project, "stack.yaml")
	for want, args := range map[string][]string{
		"shop running(1) " + file:            {"ls"},
		"shop exited(1), running(1) " + file: {"ls", "-a"},
		"":                                   {"ls", "-a", "--filter", "name=^x"},
	} {
		_, rest, _ := strings.Cut(w.must(args...).out, "\n")
		if got := strings.Join(strings.Fields(rest), " "); got != want {
			w.t.Errorf("%v: %q, want %q", args, got, want)
		}
	}
	if out := w.must("ls", "-q").out; out != "shop\n" {
		w.t.Errorf("ls -q: %q", out)
	}
	if out := w.must("ls", "--format", "json").out; out != `[{"Name":"shop","Status":"running(1)","ConfigFiles":"`+file+`"}]`+"\n" {
		w.t.Errorf("ls --format json: %s", out)
	}
	w.refused("name=PATTERN", "ls", "--filter", "color=red")
}
