package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"stackup.dev/stackup/bench/internal/measure"
	"stackup.dev/stackup/bench/internal/tool"
)

// sleeps marks the container's process.
const sleeps = "271828182"

const stack = `
services:
  app:
    image: nginx
    command: [sleep, "` + sleeps + `"]
    stop_signal: SIGKILL
    environment: {LEVEL: "0"}
    healthcheck: {test: ["CMD", "true"], interval: 5s, start_period: 10s, start_interval: 100ms}
    develop: {watch: [{path: ./src, action: sync, target: /app, ignore: [node_modules]}]}
  web:
    image: nginx
    ports: ["127.0.0.1:18077:80"]
    stop_grace_period: 1s
    develop: {watch: [{path: ./conf, action: sync+restart, target: /etc/nginx/conf.d}]}
`

// project is the stack that is watched.
type project struct {
	*tool.Compose
	dir   string
	saves int
}

func (p *project) path(name string) string { return filepath.Join(p.dir, name) }

func (p *project) write(name, text string) error {
	if err := os.MkdirAll(filepath.Dir(p.path(name)), 0o755); err != nil {
		return err
	}
	return os.WriteFile(p.path(name), []byte(text), 0o644) //nolint:forbidigo // a save in place, as editors do it
}

func (p *project) run(ctx context.Context, args ...string) error {
	said, err := p.Command(ctx, p.path("stack.yaml"), args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", args[0], err, tool.LastLine(said))
	}
	return nil
}

// watch starts one, and waits until it watches.
func (p *project) watch(ctx context.Context, args ...string) (*exec.Cmd, error) {
	var said lines
	c := p.Command(ctx, p.path("stack.yaml"), append([]string{"watch"}, args...)...)
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		return nil, err
	}
	return c, until(20*time.Second, "it watches", func() bool {
		return strings.Contains(said.String(), "watching ")
	})
}

// until waits for something, and looks each millisecond.
func until(limit time.Duration, what string, is func() bool) error {
	for end := time.Now().Add(limit); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("%s: not within %s", what, limit)
		}
	}
	return nil
}

// sleepers are the processes of the container that sleeps.
func sleepers() []int {
	pids, _ := measure.Running("sleep " + sleeps) // none is an answer too
	return pids
}

// inside is a path of that container, as this machine sees it.
func inside(name string) string {
	for _, pid := range sleepers() {
		return fmt.Sprintf("/proc/%d/root%s", pid, name)
	}
	return "/none"
}

func reads(file, text string) bool {
	b, err := os.ReadFile(file)
	return err == nil && string(b) == text
}

// page asks the web server, each time by a connection of its own.
func page() string {
	c := http.Client{Timeout: 200 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Get("http://127.0.0.1:18077/")
	if err != nil {
		return ""
	}
	defer func() { _ = r.Body.Close() }() // read to its end
	b, _ := io.ReadAll(r.Body)            // half a page is another
	return string(b)
}

// out is where results go.
var out io.Writer = os.Stdout

// tell prints the median and the value that 99 of 100 are below.
func tell(what string, all []time.Duration, target string) {
	slices.Sort(all)
	at := func(part float64) time.Duration {
		return all[int(part*float64(len(all)-1))].Round(100 * time.Microsecond)
	}
	_, _ = fmt.Fprintf(out, "%-44s median %-8s p99 %-8s (%d times; target %s)\n", what, at(0.5), at(0.99), len(all), target)
}

// ticks is the processor time of a process, in 10 ms.
func ticks(pid int) (n int) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	var user, system int
	_, rest, _ := strings.Cut(string(b), ") ") // after the name: proc(5)
	f := strings.Fields(rest)
	_, _ = fmt.Sscan(f[11]+" "+f[12], &user, &system) // the kernel wrote them
	return user + system
}

func end(c *exec.Cmd) error {
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	_ = c.Wait() // 130 is how it ends
	return nil
}
