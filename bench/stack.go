package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	busybox = "stackup.test/busybox:1"
	// seconds is what the containers sleep, a number that nobody else takes:
	// it is how they are found in /proc.
	seconds   = "100123"
	command   = "sleep " + seconds
	nginxPort = 18080
	firstPort = 18001
	published = 5 // services with a port
)

// stacks makes stack files, one folder for all.
type stacks struct{ dir string }

// path is that of the stack of n services.
func (s stacks) path(n int, revision string) string {
	return filepath.Join(s.dir, fmt.Sprintf("stack-%d-%s.yaml", n, revision))
}

// file writes it, if it is not there yet.
func (s stacks) file(n int, revision string) (string, error) {
	path := s.path(n, revision)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	return path, write(path, stack(n, revision))
}

// stack is a Compose file of n equal services, of which the first few publish
// a port and the last has a revision. Process 1 of a container ignores
// SIGTERM unless it has a handler, and sleep has none: with SIGKILL as the stop
// signal every tool stops it without waiting out the grace, so that the tools
// are measured and not a timer.
func stack(n int, revision string) string {
	var b strings.Builder
	b.WriteString("services:\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "  s%04d:\n    image: %s\n    command: [\"sleep\", \"%s\"]\n    stop_signal: SIGKILL\n    stop_grace_period: 1s\n", i, busybox, seconds)
		if i == n {
			fmt.Fprintf(&b, "    environment:\n      REVISION: %q\n", revision)
		}
		if i <= published {
			fmt.Fprintf(&b, "    ports:\n      - \"%d:8080\"\n", firstPort+i-1)
		}
	}
	return b.String()
}

// nginx is examples/nginx without its healthcheck: a page on a port.
func (s stacks) nginx() (string, error) {
	path := filepath.Join(s.dir, "nginx.yaml")
	err := write(filepath.Join(s.dir, "site", "index.html"), "hello\n")
	return path, errors.Join(err, write(path, fmt.Sprintf(`services:
  web:
    image: docker.io/library/nginx
    stop_grace_period: 1s
    ports:
      - "%d:80"
    volumes:
      - ./site:/usr/share/nginx/html:ro
`, nginxPort)))
}

func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
