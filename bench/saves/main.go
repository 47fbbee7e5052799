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

	"stackup.dev/stackup/bench/internal/box"
	"stackup.dev/stackup/bench/internal/tool"
)

func main() {
	box.Enter()
	repo := flag.String("repo", ".", "`folder` with bin and build, as make leaves them")
	saves := flag.Int("saves", 100, "single saves")
	flag.Parse()
	err := errors.New("containers need root")
	if os.Geteuid() == 0 {
		err = inBox(*repo, *saves)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "saves:", err)
		os.Exit(1)
	}
}

// inBox makes the box, and in it measures.
func inBox(repo string, saves int) error {
	if !box.In() {
		code, err := box.Run(os.Args[1:])
		if err == nil && code != 0 {
			os.Exit(code) // it has said why
		}
		return err
	}
	repo, err := filepath.Abs(repo)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "stackup-saves-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder for temporary things
	place := tool.Place{Program: filepath.Join(repo, "bin/stackup"), Libexec: filepath.Join(repo, "bin/libexec/stackup"), Dir: dir, Run: "/run/b"}
	c := tool.Stackup(place)
	ctx := context.Background()
	archive := filepath.Join(repo, "build/nginx-image.tar")
	if err := c.Start(ctx, tool.Images{Busybox: archive, Nginx: archive}); err != nil {
		return err
	}
	defer c.Stop(ctx)
	p := &project{Compose: c, dir: filepath.Join(dir, "project"), saves: saves}
	return errors.Join(p.all(ctx), p.run(ctx, "down", "-t", "0"), box.Sweep(place.Groups()))
}
