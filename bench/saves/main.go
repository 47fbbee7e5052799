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
	err := errors.New("containers need root")
	if os.Geteuid() == 0 {
		err = inBox(*repo, *saves, strings.Split(*tools, ","))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "saves:", err)
		os.Exit(1)
	}
}

// inBox makes the box, and in it measures.
func inBox(repo string, saves int, tools []string) (err error) {
	if !box.In() {
		code, err := box.Run(os.Args[1:])
		if err == nil && code != 0 {
			os.Exit(code) // it has said why
		}
		return err
	}
	if repo, err = filepath.Abs(repo); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "stackup-saves-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder for temporary things
	place := tool.Place{
		Program: filepath.Join(repo, "bin/stackup"), Libexec: filepath.Join(repo, "bin/libexec/stackup"),
		Engine: filepath.Join(repo, "build/engines/containerd-2.4"), Peers: filepath.Join(repo, "build/peers"), Dir: dir, Run: "/run/b",
	}
	defer func() { err = errors.Join(err, box.Sweep(place.Groups())) }()
	known := map[string]*tool.Compose{"stackup": tool.Stackup(place), "docker": tool.Docker(place)}
	for _, name := range tools {
		c := known[name]
		if c == nil {
			return fmt.Errorf("there is no tool %q", name)
		}
		p := &project{Compose: c, dir: filepath.Join(dir, "project-"+name), saves: saves}
		if err := p.measure(context.Background(), filepath.Join(repo, "build/nginx-image.tar")); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
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
