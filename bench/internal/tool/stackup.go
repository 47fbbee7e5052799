package tool

import (
	"context"
	"os/exec"
	"path/filepath"
)

// Stackup is our own program on its embedded engine.
func Stackup(p Place) *Compose {
	c := stackupAt(p, "stackup")
	c.start = func(ctx context.Context, images Images) error {
		if err := c.run(ctx, "engine", "start"); err != nil {
			return err
		}
		return c.loadAll(ctx, images)
	}
	c.stop = func(ctx context.Context) { _ = c.run(ctx, "engine", "stop") } // the box ends what is left
	return c
}

// StackupOnSystem is our own program on a containerd of the system.
func StackupOnSystem(p Place) *Compose {
	c := stackupAt(p, "stackup-system")
	engine := &containerd{programs: p.Engine, dir: c.Dir, run: c.Run}
	c.command = append(c.command, "--address", engine.address())
	c.start = func(ctx context.Context, images Images) error {
		if err := engine.start(ctx); err != nil {
			return err
		}
		return c.loadAll(ctx, images)
	}
	c.version = func(ctx context.Context) string {
		return versionOf(ctx, p.Program, "--version") + ", " + engine.version(ctx)
	}
	c.stop = engine.stop
	return c
}

func stackupAt(p Place, name string) *Compose {
	c := &Compose{Name: name, Dir: filepath.Join(p.Dir, name), Run: filepath.Join(p.Run, name)}
	c.command = []string{p.Program, "--root", c.root(), "--state", filepath.Join(c.Run, "su")}
	c.version = func(ctx context.Context) string {
		return versionOf(ctx, p.Program, "--version") + ", embedded engine"
	}
	return c
}

func (c *Compose) root() string { return filepath.Join(c.Dir, "root") }

// run runs the program without a stack file.
func (c *Compose) run(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, c.command[0], append(append([]string{}, c.command[1:]...), args...)...)
	cmd.Dir, cmd.Env = c.Dir, environment(c.Dir, c.env...)
	_, err := output(endWhole(cmd))
	return err
}

func (c *Compose) loadAll(ctx context.Context, images Images) error {
	for _, archive := range images.each() {
		if err := c.run(ctx, "images", "load", archive); err != nil {
			return err
		}
	}
	return nil
}
