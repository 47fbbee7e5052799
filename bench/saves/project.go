package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
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
	return c, measure.Until(20*time.Second, "it watches", func() bool {
		text := said.String()
		return strings.Contains(text, "watching ") || strings.Contains(text, "Watch enabled")
	})
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

func end(c *exec.Cmd) error {
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	_ = c.Wait() // 130 is how it ends
	return nil
}
