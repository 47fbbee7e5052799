package tool

import (
	"errors"
	"os"
	"path/filepath"

	"stackup.dev/stackup/bench/internal/box"
)

// InBox runs do in a box (package box), as root, with a place for tools whose
// folder goes after it. repo has bin and build, as make leaves them. The caller's
// main has called box.Enter.
func InBox(name, repo string, do func(Place) error) (err error) {
	if os.Geteuid() != 0 {
		return errors.New("containers need root")
	}
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
	dir, err := os.MkdirTemp("", "stackup-"+name+"-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder for temporary things
	p := Place{
		Program: filepath.Join(repo, "bin/stackup"), Libexec: filepath.Join(repo, "bin/libexec/stackup"),
		Engine: filepath.Join(repo, "build/engines/containerd-2.4"), Peers: filepath.Join(repo, "build/peers"), Dir: dir, Run: "/run/b",
	}
	defer func() { err = errors.Join(err, box.Sweep(p.Groups())) }()
	return do(p)
}
