package tool

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Docker is docker compose on a docker engine of its own, which runs its own
// containerd as it does where none is installed.
func Docker(p Place) *Compose {
	c := &Compose{Name: "docker", Dir: filepath.Join(p.Dir, "docker"), Run: filepath.Join(p.Run, "docker")}
	e := &dockerEngine{peers: p.Peers, programs: p.Engine, dir: c.Dir, run: c.Run, group: p.group("docker")}
	compose := filepath.Join(p.Peers, "docker-compose")
	c.command = []string{compose}
	c.version = func(ctx context.Context) string {
		own := &containerd{programs: p.Engine}
		return "compose " + versionOf(ctx, compose, "version", "--short") + ", engine " + e.version(ctx) + ", " + own.version(ctx)
	}
	c.env = []string{"DOCKER_HOST=unix://" + e.socket()}
	c.start = func(ctx context.Context, images Images) error {
		if err := exists(compose); err != nil {
			return err
		}
		if err := e.start(ctx); err != nil {
			return err
		}
		for _, archive := range images.each() {
			if err := e.load(ctx, archive); err != nil {
				return err
			}
		}
		return nil
	}
	c.stop = func(ctx context.Context) { e.d.stop(ctx) }
	return c
}

type dockerEngine struct {
	peers, programs, dir, run, group string
	d                                *daemon
}

func (e *dockerEngine) socket() string { return filepath.Join(e.run, "docker.sock") }

func (e *dockerEngine) start(ctx context.Context) error {
	bin := filepath.Join(e.dir, "bin")
	if err := ownEngine(e.programs, bin); err != nil {
		return err
	}
	for _, name := range []string{"dockerd", "docker-proxy"} {
		if err := copyFile(filepath.Join(e.peers, name), filepath.Join(bin, name)); err != nil {
			return err
		}
	}
	conf := filepath.Join(e.dir, "daemon.json")
	if err := writeFile(conf, "{}\n"); err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(bin, "dockerd"), // ends by stop alone
		"--config-file", conf, "--host", "unix://"+e.socket(), "--pidfile", filepath.Join(e.run, "docker.pid"),
		"--data-root", filepath.Join(e.dir, "data"), "--exec-root", filepath.Join(e.run, "exec"),
		"--userland-proxy-path", filepath.Join(bin, "docker-proxy"),
		"--bridge", "none", // compose makes its own
		"--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", "/"+e.group)
	cmd.Env = environment(e.dir, "PATH="+bin+":/usr/sbin:/usr/bin:/sbin:/bin")
	var err error
	e.d, err = startDaemon(ctx, cmd, filepath.Join(e.dir, "dockerd.log"), e.socket())
	return err
}

// exists says what is missing in words for the table.
func exists(program string) error {
	if _, err := os.Stat(program); err != nil {
		return fmt.Errorf("no %s: make peers has left it out", filepath.Base(program))
	}
	return nil
}
