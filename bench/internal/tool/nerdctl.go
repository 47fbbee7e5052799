package tool

import (
	"context"
	"os/exec"
	"path/filepath"
)

// Nerdctl is nerdctl compose on a containerd of its own.
func Nerdctl(p Place) *Compose {
	c := &Compose{Name: "nerdctl", Dir: filepath.Join(p.Dir, "nerdctl"), Run: filepath.Join(p.Run, "nerdctl")}
	engine := &containerd{programs: p.Engine, dir: c.Dir, run: c.Run}
	base := []string{
		filepath.Join(p.Peers, "nerdctl"), "--address", engine.address(), "--namespace", p.group("nerdctl"),
		"--data-root", filepath.Join(c.Dir, "data"), "--cgroup-manager", "cgroupfs",
		"--cni-path", p.Libexec, "--cni-netconfpath", filepath.Join(c.Dir, "cni"),
	}
	c.command = append(append([]string{}, base...), "compose")
	c.env = []string{engine.path(), "NERDCTL_TOML=/dev/null"}
	c.version = func(ctx context.Context) string {
		return versionOf(ctx, base[0], "--version") + ", " + engine.version(ctx)
	}
	c.start = func(ctx context.Context, images Images) error {
		if err := exists(base[0]); err != nil {
			return err
		}
		if err := engine.start(ctx); err != nil {
			return err
		}
		for _, archive := range images.each() {
			cmd := exec.CommandContext(ctx, base[0], append(base[1:len(base):len(base)], "load", "-i", archive)...)
			cmd.Env = environment(c.Dir, c.env...)
			if _, err := output(endWhole(cmd)); err != nil {
				return err
			}
		}
		return nil
	}
	c.stop = engine.stop
	return c
}
