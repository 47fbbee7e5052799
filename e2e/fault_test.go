//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// faultStack has three services, a network, a volume, a healthcheck and an order.
const faultStack = `
services:
  db:
    image: stackup.test/busybox:1
    volumes: ["data:/data"]
    healthcheck: {test: ["CMD", "true"], interval: 1s, start_interval: 100ms, start_period: 5s}
    stop_grace_period: 0s
  app: {image: stackup.test/busybox:1, storage_opt: {size: 4m}, depends_on: {db: {condition: service_healthy}}, stop_grace_period: 0s}
  web: {image: stackup.test/busybox:1, depends_on: [app], ports: ["18081:80"], stop_grace_period: 0s}
volumes: {data: {}}
`

// canaryStack belongs to somebody else and must come through every fault untouched.
const canaryStack = "name: canary\nservices:\n  bird: {image: stackup.test/busybox:1, ports: [\"18099:80\"]}\n"

// proxy is a running rpcfault.
type proxy struct {
	cmd   *exec.Cmd
	read  chan struct{} // closed when all it has printed is counted
	mu    sync.Mutex
	calls []string
}

// fault starts rpcfault in front of the engine, at the Nth call of a command.
func (w *world) fault(match string, at int, do string) (address string, p *proxy) {
	w.t.Helper()
	address = filepath.Join(w.dir, "f.sock")
	return address, w.proxy(address, w.socket(), match, at, do)
}

// proxy starts rpcfault between two sockets.
func (w *world) proxy(listen, to, match string, at int, do string) *proxy {
	w.t.Helper()
	os.Remove(listen)
	p := &proxy{read: make(chan struct{}), cmd: command(w.t, 5*time.Minute, rpcfault, "-listen", listen, "-to", to, "-match", match,
		"-at", fmt.Sprint(at), "-do", do, "-skip", "__supervise")}
	out, err := p.cmd.StdoutPipe()
	check(w.t, err)
	check(w.t, p.cmd.Start())
	go func() {
		defer close(p.read)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.mu.Lock()
			p.calls = append(p.calls, s.Text())
			p.mu.Unlock()
		}
	}()
	w.eventually("rpcfault listens", func() bool { _, err := os.Stat(listen); return err == nil })
	return p
}

// count says how many calls the proxy has seen so far.
func (p *proxy) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.calls)
}

// end stops the proxy and says how many calls it counted. The pipe is read to
// its end before Wait closes it.
func (p *proxy) end() int {
	p.cmd.Process.Kill()
	<-p.read
	p.cmd.Wait()
	return p.count()
}

// mutating are the calls that change something; the others may be repeated at will.
const mutating = "/(Create|Start|Delete|Update|Prepare|View|Kill|Remove|Commit|Exec|Write|Label|Cleanup|Publish|AddResource)$"

// everyCall matches the others too.
const everyCall = "."

// death is a way to die at a call: before it, or with its answer. Whoever dies with
// the answer to a question leaves what the next call's caller does.
type death struct{ do, match string }

var (
	beforeEvery = death{"kill", everyCall}
	afterChange = death{"killafter", mutating}
)

// crashMatrix kills stackup at every matching call of a command, in each of
// the given ways, and hands over after each. Where the run takes a slice of each
// kill matrix (E2E_SLICE), it takes the calls of that slice.
func (w *world) crashMatrix(ways []death, args []string, before, after func(at int)) {
	w.t.Helper()
	for _, d := range ways {
		first, step := killSlice(w.t)
		for at := 1 + first; ; at += step {
			before(at)
			address, p := w.fault(d.match, at, d.do)
			r := w.run(append([]string{"--address", address}, args...)...)
			n := p.end()
			if n < at && r.code != 0 {
				w.t.Fatalf("%v without a fault: exit %d\n%s%s", args, r.code, r.out, r.err)
			}
			after(at)
			if n < at {
				w.t.Logf("%v: %s at call %d and every %d of %d calls", args, d.do, 1+first, step, n)
				break
			}
			if w.t.Failed() {
				w.t.Fatalf("%v: first failure with %s at call %d: %s", args, d.do, at, p.calls[at-1])
			}
		}
	}
}

// killSlice returns which entries of a kill matrix this run takes: every step-th one
// from first on, counted from 0. E2E_SLICE says so as "first/step"; without it a run
// takes all.
func killSlice(t *testing.T) (first, step int) {
	t.Helper()
	text := os.Getenv("E2E_SLICE")
	if text == "" {
		return 0, 1
	}
	if n, err := fmt.Sscanf(text, "%d/%d", &first, &step); n != 2 || first < 0 || step <= first {
		t.Fatalf("E2E_SLICE=%q: %v", text, err)
	}
	return first, step
}

// sliceOf returns the entries of a kill matrix that this run takes: at least one.
func sliceOf[T any](t *testing.T, matrix []T) (out []T) {
	t.Helper()
	first, step := killSlice(t)
	for i := first % len(matrix); i < len(matrix); i += step {
		out = append(out, matrix[i])
	}
	return out
}

// canary brings the foreign stack up and gives the check that it is untouched.
func (w *world) canary() (check func()) {
	w.t.Helper()
	w.file("canary.yaml", canaryStack)
	w.must("-f", "canary.yaml", "up", "-d")
	w.hasCanary = true
	w.helpersRun()
	pid := w.pidsOf("canary")
	return func() {
		w.t.Helper()
		if now := w.pidsOf("canary"); now != pid {
			w.t.Errorf("the canary was touched: processes %s, were %s", now, pid)
		}
	}
}

// helpersRun waits for logger and supervisor, which up does not, and for what the
// supervisor then does: of networks with names, to answer them.
func (w *world) helpersRun() {
	w.t.Helper()
	for _, name := range []string{"logger", "supervisor"} {
		w.eventually("the "+name+" runs", func() bool {
			_, err := os.Stat(filepath.Join(w.state(), "locks", name))
			return err == nil
		})
	}
	w.eventually("names are answered", func() bool { _, err := os.Stat(filepath.Join(w.state(), "answering")); return err == nil })
}

// pidsOf lists the IDs of the processes of a stack's containers, sorted.
func (w *world) pidsOf(stack string) string {
	w.t.Helper()
	var out []string
	for pid := range processesIn(w, stack) {
		out = append(out, fmt.Sprint(pid))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// Intent: stackup dies at every call of the first up: before calls that only ask
// too, since what is done on the network and in files lies between them.
func TestCrashDuringUp(t *testing.T) {
	w := newWorld(t, only(containerd24, containerdDeb), slowly())
	ways := []death{beforeEvery, afterChange}
	if w.kind == containerdDeb {
		ways = []death{afterChange}
	}
	canary := w.canary()
	w.file("stack.yaml", faultStack)
	w.rebase() // the canary stays
	w.crashMatrix(ways, []string{"up", "-d"},
		func(int) {},
		func(at int) {
			if at%2 == 0 { // down alone must cope with the debris too
				w.must("up", "-d", "--wait")
				w.converged(3)
			}
			w.must("down", "-v")
			w.must("-f", "canary.yaml", "up", "-d") // brings helpers back to the engine's own address
			canary()
			w.nothingLeft()
		})
}

// Intent: stackup dies at every call of down.
func TestCrashDuringDown(t *testing.T) {
	w := newWorld(t, only(containerd24), slowly())
	canary := w.canary()
	w.file("stack.yaml", faultStack)
	w.rebase() // the canary stays
	w.crashMatrix([]death{beforeEvery, afterChange}, []string{"down", "-v"},
		func(int) { w.must("up", "-d", "--wait") },
		func(int) {
			w.must("down", "-v")
			w.must("-f", "canary.yaml", "up", "-d") // brings helpers back to the engine's own address
			canary()
			w.nothingLeft()
		})
}

// converged checks that the stack is what the file says, and that there is
// nothing left to do. Flags may say which stack.
func (w *world) converged(containers int, flags ...string) {
	w.t.Helper()
	if ps := w.ps(append([]string{"-a"}, flags...)...); len(ps) != containers {
		w.t.Errorf("containers: %v, want %d", ps, containers)
	}
	if r := w.run(append([]string{"plan", "--exit-code"}, flags...)...); r.code != 0 {
		w.t.Errorf("plan after up: exit %d\n%s%s", r.code, r.out, r.err)
	}
}

// Intent: twenty at once make one stack.
func TestTwentyParallelUps(t *testing.T) {
	w := newWorld(t, slowly())
	w.file("stack.yaml", faultStack)
	results := make([]result, 20)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() { results[i] = runCmd(t, w.cmd("up", "-d")) })
	}
	wg.Wait()
	for _, r := range results {
		if r.code != 0 {
			t.Errorf("one of twenty: exit %d\n%s%s", r.code, r.out, r.err)
		}
	}
	w.converged(3)
	w.must("down", "-v")
}
