//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const img = "image: stackup.test/busybox:1"

// badInput is a stack file that cannot be carried out, or a command that
// cannot be.
type badInput struct {
	name, stack string // no file without a stack
	args        []string
	nobody      bool // run without root
}

func badInputs(takenPort int) []badInput {
	up := []string{"up", "-d"}
	return []badInput{
		{name: "missing file", args: up},
		{name: "missing file with -f", args: []string{"-f", "nope.yaml", "up", "-d"}},
		{name: "yaml syntax", stack: "services:\n  a: {image: x\n", args: up},
		{name: "unknown attribute", stack: "services:\n  a:\n    image: x\n    porst: [\"80\"]\n", args: up},
		{name: "not possible here", stack: "services:\n  a:\n    image: x\n    cpu_count: 2\n", args: up},
		{name: "wrong type", stack: "services:\n  a: {image: x, ports: {a: b}}\n", args: up},
		{name: "undefined network", stack: "services:\n  a: {" + img + ", networks: [nope]}\n", args: up},
		{name: "undefined volume", stack: "services:\n  a: {" + img + ", volumes: [\"nope:/x\"]}\n", args: up},
		{name: "undefined service", stack: "services:\n  a: {" + img + ", depends_on: [nope]}\n", args: up},
		{name: "undefined service on the command line", stack: "services:\n  a: {" + img + "}\n", args: []string{"up", "-d", "nope"}},
		{name: "dependency cycle", stack: "services:\n  a: {" + img + ", depends_on: [b]}\n  b: {" + img + ", depends_on: [a]}\n", args: up},
		{name: "container_name twice", stack: "services:\n  a: {" + img + ", container_name: shop-web}\n  b: {" + img + ", container_name: shop-web}\n", args: up},
		{name: "container_name malformed", stack: "services:\n  a: {" + img + ", container_name: ../x}\n", args: up},
		{name: "host port twice", stack: "services:\n  a: {" + img + ", ports: [\"8080:80\"]}\n  b: {" + img + ", ports: [\"8080:81\"]}\n", args: up},
		{name: "port out of range", stack: "services:\n  a: {" + img + ", ports: [\"99999:80\"]}\n", args: up},
		{name: "port syntax", stack: "services:\n  a: {" + img + ", ports: [\"eighty:80\"]}\n", args: up},
		{name: "missing variable", stack: "services:\n  a: {image: \"${NOPE:?must be set}\"}\n", args: up},
		{name: "missing env_file", stack: "services:\n  a: {" + img + ", env_file: nope.env}\n", args: up},
		{name: "no such image", stack: "services:\n  a: {image: \"localhost:1/nope\"}\n", args: up},
		{name: "no root", stack: "services:\n  a: {" + img + "}\n", args: up, nobody: true},
		{name: "no engine for up", stack: "services:\n  a: {" + img + "}\n", args: []string{"--address", "/nowhere/c.sock", "up", "-d"}},
		{name: "no engine for plan", stack: "services:\n  a: {" + img + "}\n", args: []string{"--address", "/nowhere/c.sock", "plan"}},
		{name: "no engine for ps", stack: "services:\n  a: {" + img + "}\n", args: []string{"--address", "/nowhere/c.sock", "ps"}},
		{name: "no engine for down", stack: "services:\n  a: {" + img + "}\n", args: []string{"--address", "/nowhere/c.sock", "down"}},
		{name: "port taken by a process", stack: fmt.Sprintf("services:\n  a: {%s, ports: [\"%d:80\"]}\n", img, takenPort), args: up},
		{name: "port taken by another stack", stack: "services:\n  a: {" + img + ", ports: [\"18086:80\"]}\n", args: up},
	}
}

// Intent: bad input gets one clear message and its exit code, and the engine
// and the machine are left alone.
func TestBadInput(t *testing.T) {
	w := newWorld(t, only(embedded), slowly())
	w.file("other.yaml", "name: other\nservices:\n  b: {"+img+", ports: [\"18086:80\"], stop_grace_period: 0s}\n")
	w.must("-f", "other.yaml", "up", "-d")
	w.helpersRun() // they start beside the command, and what they leave is not the bad input's
	w.eventually("questions for names wait", func() bool {
		out, err := command(t, 20*time.Second, "nft", "list", "table", "ip", namespaceOf(w.root())).Output()
		return err == nil && strings.Contains(string(out), "port-unreachable")
	})
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	clean := w.cleaner(port)
	golden := openGolden(t, "testdata/bad-input.golden")
	for _, c := range badInputs(port) {
		t.Run(c.name, func(t *testing.T) {
			os.Remove(filepath.Join(w.project, "stack.yaml"))
			if c.stack != "" {
				w.file("stack.yaml", c.stack)
			}
			before := w.untouched()
			r := w.runAs(c.nobody, c.args...)
			golden.compare(t, c.name, fmt.Sprintf("exit %d\n%s%s", r.code, r.out, clean(r.err)))
			if diff := difference(before, w.untouched()); len(diff) > 0 {
				t.Errorf("touched:\n%s", strings.Join(diff, "\n"))
			}
		})
	}
	golden.close(t)
	w.must("-f", "other.yaml", "down")
}

// untouched is what bad input may not change: the traces, the images and the
// engine's process.
func (w *world) untouched() traces {
	w.t.Helper()
	t := w.traces()
	t["engine "+fmt.Sprint(w.enginePID())] = true
	ctx, c, closes := w.containerd()
	defer closes()
	all, err := c.ImageService().List(ctx)
	check(w.t, err)
	if len(all) == 0 {
		w.t.Error("there are no images, not even the test's own")
	}
	for _, i := range all {
		t["image "+i.Name+" "+i.Target.Digest.String()] = true
	}
	return t
}

// cleaner takes out of a message what is different in every run.
func (w *world) cleaner(port int) func(string) string {
	names := strings.NewReplacer(w.project, "DIR", w.dir, "WORLD", fmt.Sprint(port), "PORT")
	pid := regexp.MustCompile(`pid \d+`)
	times := regexp.MustCompile(`\b\d+(\.\d+)?m?s\b`)
	return func(s string) string {
		return times.ReplaceAllString(pid.ReplaceAllString(names.Replace(s), "pid PID"), "TIME")
	}
}

// runAs runs stackup, as nobody if asked for: a copy that nobody may read.
func (w *world) runAs(nobody bool, args ...string) result {
	w.t.Helper()
	if !nobody {
		return w.run(args...)
	}
	for _, dir := range []string{w.dir, w.project} {
		check(w.t, os.Chmod(dir, 0o755))
	}
	bin := filepath.Join(w.dir, "bin")
	check(w.t, os.MkdirAll(bin, 0o755))
	out, err := command(w.t, time.Minute, "cp", "-r", stackup, filepath.Join(filepath.Dir(stackup), "libexec"), bin).CombinedOutput()
	if err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
	c := w.cmd(args...)
	c.Path = filepath.Join(bin, "stackup")
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	return runCmd(w.t, c)
}

// Intent: a port that a process of the machine's has is told by its holder, and can be had
// once that is gone.
func TestTakenPortIsFreed(t *testing.T) {
	w := newWorld(t, only(embedded))
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	w.file("stack.yaml", fmt.Sprintf("services:\n  a: {%s, ports: [\"%d:80\"], stop_grace_period: 0s}\n", img, l.Addr().(*net.TCPAddr).Port))
	r := w.run("up", "-d")
	if r.code != 1 || !strings.Contains(r.err, fmt.Sprintf("pid %d", os.Getpid())) {
		t.Errorf("exit %d, want the holder with pid %d:\n%s", r.code, os.Getpid(), r.err)
	}
	l.Close()
	w.must("up", "-d")
	w.must("down")
}

// Intent: the port of a container that was stopped leads to whoever takes it then.
func TestPortOfAStoppedContainerIsFree(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("stack.yaml", fmt.Sprintf("services:\n  a: {%s, ports: [\"127.0.0.1:18117:80\"], stop_grace_period: 0s}\n", img))
	w.must("up", "-d")
	w.must("stop")
	l, err := net.Listen("tcp4", "127.0.0.1:18117")
	check(t, err)
	defer l.Close()
	c, err := net.DialTimeout("tcp4", l.Addr().String(), allow(2*time.Second))
	check(t, err) // else the port still leads to the container
	defer c.Close()
	check(t, l.(*net.TCPListener).SetDeadline(time.Now().Add(allow(2*time.Second))))
	at, err := l.Accept()
	check(t, err)
	defer at.Close()
	w.must("down")
}

// Intent: folders that another user owns or may write to are refused, before anything is
// written into them.
func TestFoldersOfOthers(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("stack.yaml", "services:\n  a: {image: stackup.test/busybox:1, stop_grace_period: 0s}\n")
	theirs, open := filepath.Join(w.project, "theirs"), filepath.Join(w.project, "open")
	for _, dir := range []string{theirs, open} {
		check(t, os.Mkdir(dir, 0o700))
	}
	check(t, os.Chown(theirs, 1000, 1000))
	check(t, os.Chmod(open, 0o777))
	for _, flag := range []string{"--root", "--state"} {
		for dir, want := range map[string]string{theirs: "belongs to user 1000", open: "others may write to"} {
			for _, args := range [][]string{{"up", "-d"}, {"engine", "start"}} {
				r := w.run(append([]string{flag, dir}, args...)...)
				if r.code != 1 || !strings.Contains(r.err, want) || !strings.Contains(r.err, dir) {
					t.Errorf("%s %s %v: exit %d\n%s", flag, dir, args, r.code, r.err)
				}
				if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
					t.Errorf("%s %s %v has written %v (%v)", flag, dir, args, left, err)
				}
			}
		}
	}
}

// Intent: a container name is one container's; a stack that chooses one which another stack
// has is refused, and so is container:NAME that could be either of two.
func TestNameOfAnotherStack(t *testing.T) {
	w := newWorld(t)
	const own = "services:\n  web: {image: stackup.test/busybox:1, container_name: proxy, stop_grace_period: 0s}\n"
	w.file("one.yaml", "name: one\n"+own)
	w.file("two.yaml", "name: two\n"+own)
	w.must("-f", "one.yaml", "up", "-d")
	for _, args := range [][]string{{"plan"}, {"up", "-d"}} {
		r := w.run(append([]string{"-f", "two.yaml"}, args...)...)
		if r.code != 1 || !strings.Contains(r.err, "the container name proxy is taken by stack one") {
			t.Errorf("%v: exit %d\n%s", args, r.code, r.err)
		}
	}
	w.must("-f", "one.yaml", "up", "-d") // its own name is not in its way
	w.must("-f", "one.yaml", "up", "-d", "--force-recreate")
	w.must("-f", "one.yaml", "down")
	w.must("-f", "two.yaml", "up", "-d")
	w.must("-f", "two.yaml", "down")
}
