// Saves measures a watch: how long from a save to what it is to bring about. It
// runs as root, in namespaces of its own: see docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"stackup.dev/stackup/bench/internal/box"
	"stackup.dev/stackup/bench/internal/tool"
)

func main() {
	box.Enter()
	repo := flag.String("repo", ".", "`folder` with bin and build, as make leaves them")
	saves := flag.Int("saves", 100, "single saves")
	tools := flag.String("tools", "stackup,docker", "whose watches, of stackup and docker")
	flag.Parse()
	err := tool.InBox("saves", *repo, func(p tool.Place) error {
		archive, err := filepath.Abs(filepath.Join(*repo, "build/nginx-image.tar"))
		if err != nil {
			return err
		}
		known := map[string]*tool.Compose{"stackup": tool.Stackup(p), "docker": tool.Docker(p)}
		for name := range strings.SplitSeq(*tools, ",") {
			c := known[name]
			if c == nil {
				return fmt.Errorf("there is no tool %q", name)
			}
			one := &project{Compose: c, dir: filepath.Join(p.Dir, "project-"+name), saves: *saves}
			if err := one.measure(context.Background(), archive); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "saves:", err)
		os.Exit(1)
	}
}

// measure is the whole of one tool's turn.
func (p *project) measure(ctx context.Context, archive string) error {
	if err := p.Start(ctx, tool.Images{Busybox: archive, Nginx: archive}); err != nil {
		return err
	}
	defer p.Stop(ctx)
	_, _ = fmt.Fprintf(os.Stdout, "%s: %s\n", p.Name, p.Version(ctx))
	return errors.Join(p.all(ctx), p.run(ctx, "down", "-t", "0"))
}
