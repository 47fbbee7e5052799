//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stackup.dev/stackup/internal/dev/unrest"
)

// Intent: after 10,000 random operations on files, with the engine, the
// supervisor and the containers ended in between, each container has what this
// machine has, whatever its rule's action is.
func TestWatchRandom(t *testing.T) {
	w := newWorld(t, only(embedded), slowly())
	w.mayKeepBuildCache()
	kinds := []string{"sync", "sync+restart", "sync+exec", "rebuild"}
	var b strings.Builder
	b.WriteString("services:\n")
	for i, k := range kinds {
		w.file(fmt.Sprintf("s%d/first", i), "1")
		fmt.Fprintf(&b, "  s%d:\n    image: stackup.test/busybox:1\n    restart: always\n    command: [sleep, \"1000000\"]\n    stop_grace_period: 0s\n", i)
		rule := fmt.Sprintf("path: ./s%d, action: %s, target: /app, initial_sync: true", i, k)
		switch k {
		case "sync+exec":
			rule += `, exec: {command: ["true"]}`
		case "rebuild":
			rule = fmt.Sprintf("path: ./s%d, action: rebuild", i)
			fmt.Fprintf(&b, "    build: {context: ./s%d, dockerfile_inline: \"FROM stackup.test/busybox:1\\nCOPY . /app\\n\"}\n", i)
		}
		fmt.Fprintf(&b, "    develop: {watch: [{%s}]}\n", rule)
	}
	w.file("stack.yaml", strings.ReplaceAll(b.String(), "s3:\n    image: stackup.test/busybox:1\n", "s3:\n    image: stackup.test/s3:1\n"))
	v := w.watch("watch")
	rnd := rand.New(rand.NewPCG(3, 4))
	for i := range 10000 {
		s := rnd.IntN(len(kinds))
		if kinds[s] == "rebuild" && rnd.IntN(10) > 0 {
			s = 0
		}
		unrest.Operate(rnd, filepath.Join(w.project, fmt.Sprintf("s%d", s)))
		switch i {
		case 2500:
			check(t, syscall.Kill(w.helper("supervisor"), syscall.SIGKILL))
		case 5000:
			w.killEngine(syscall.SIGKILL)
			w.must("ps")
		case 7500:
			for pid := range processesIn(w, "shop-s0") {
				var n int
				fmt.Sscan(pid, &n)
				syscall.Kill(n, syscall.SIGKILL)
			}
		}
		if i%100 == 0 {
			time.Sleep(time.Duration(rnd.IntN(60)) * time.Millisecond)
		}
	}
	for i := range kinds {
		w.file(fmt.Sprintf("s%d/last", i), "end")
		at := fmt.Sprintf("s%d", i)
		limit := within(60 * time.Second)
		for last := ""; ; time.Sleep(300 * time.Millisecond) {
			if last = w.unlikeHere(at); last == "" {
				break
			}
			if limit.passed() {
				t.Errorf("%s: the container is not as this machine: %s", kinds[i], last)
				break
			}
		}
	}
	v.end()
	w.must("down", "-v")
}

// unlikeHere says in what a service's /app differs from the folder of its name.
func (w *world) unlikeHere(service string) string {
	dir := filepath.Join(w.dir, "copy-"+service)
	defer os.RemoveAll(dir)
	check(w.t, os.MkdirAll(dir, 0o755))
	if r := w.run("cp", service+":/app", dir+"/app"); r.code != 0 {
		return r.err
	}
	here, err := unrest.Contents(filepath.Join(w.project, service))
	check(w.t, err)
	there, err := unrest.Contents(filepath.Join(dir, "app"))
	check(w.t, err)
	for name, what := range here {
		if there[name] != what {
			return fmt.Sprintf("%s is %q, want %q", name, there[name], what)
		}
	}
	for name, what := range there {
		if here[name] == "" {
			return fmt.Sprintf("%s is %q, and is to be gone", name, what)
		}
	}
	return ""
}
