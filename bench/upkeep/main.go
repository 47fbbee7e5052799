// Upkeep measures what outlives a command: the memory and the processor time of
// supervisor and logger at rest, how soon a container is started again, and the
// answers to questions for names. It runs as root, in namespaces of its own: see
// docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"stackup.dev/stackup/bench/internal/box"
	"stackup.dev/stackup/bench/internal/measure"
	"stackup.dev/stackup/bench/internal/tool"
)

const (
	services = 50
	sleeps   = "314159265" // marks the containers' processes
	rest     = 30 * time.Second
)

func main() {
	box.Enter()
	repo := flag.String("repo", ".", "`folder` with bin and build, as make leaves them")
	flag.Parse()
	err := tool.InBox("upkeep", *repo, func(p tool.Place) error {
		c, ctx := tool.Stackup(p), context.Background()
		archive, err := filepath.Abs(filepath.Join(*repo, "build/nginx-image.tar"))
		if err != nil {
			return err
		}
		if err := c.Start(ctx, tool.Images{Busybox: archive, Nginx: archive}); err != nil {
			return err
		}
		defer c.Stop(ctx)
		return all(ctx, c, filepath.Join(p.Dir, "stack.yaml"), p.Dir)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "upkeep:", err)
		os.Exit(1)
	}
}

// all brings the stack up, measures, and takes it down.
func all(ctx context.Context, c *tool.Compose, file, dir string) error {
	if err := os.WriteFile(file, []byte(stack()), 0o644); err != nil { //nolint:forbidigo // nobody reads it yet
		return err
	}
	if err := run(ctx, c, file, "up", "-d"); err != nil {
		return err
	}
	time.Sleep(5 * time.Second)
	err := errors.Join(atRest(dir), restarts(), names())
	return errors.Join(err, run(ctx, c, file, "down", "-t", "0"))
}

func stack() string {
	var b strings.Builder
	b.WriteString("services:\n")
	for i := range services {
		fmt.Fprintf(&b, "  s%d: {image: nginx, command: [sleep, %q], restart: always, stop_signal: SIGKILL}\n", i, sleeps)
	}
	return b.String()
}

func run(ctx context.Context, c *tool.Compose, file string, args ...string) error {
	said, err := c.Command(ctx, file, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", args[0], err, tool.LastLine(said))
	}
	return nil
}

// atRest looks at the two helpers while nothing happens.
func atRest(dir string) error {
	for name, word := range map[string]string{"supervisor": "__supervise", "logger": "stackup-logger"} {
		pid, err := measure.Helper(word, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		before := measure.Ticks(pid)
		time.Sleep(rest)
		ms := 10 * (measure.Ticks(pid) - before)
		resident, private, err := measure.Resident(pid)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(os.Stdout, "%-44s %.1f MB resident, %.1f MB of it its own (target for both: 25 MB); %d ms of processor time in %s, %.2f %% of a core (target 0.5 %%)\n",
			fmt.Sprintf("%s, %d containers at rest", name, services), mb(resident), mb(private), ms, rest, float64(ms)/float64(rest.Milliseconds())*100)
	}
	return nil
}

func mb(bytes int64) float64 { return float64(bytes) / 1e6 }
