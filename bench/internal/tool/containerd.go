package tool

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// containerd is a system containerd with all it has below two folders.
type containerd struct {
	programs, dir, run string
	d                  *daemon
}

func (c *containerd) address() string { return filepath.Join(c.run, "c.sock") }
func (c *containerd) bin() string     { return filepath.Join(c.dir, "bin") }
func (c *containerd) path() string    { return "PATH=" + c.bin() + ":/usr/sbin:/usr/bin:/sbin:/bin" }

func (c *containerd) start(ctx context.Context) error {
	if err := ownEngine(c.programs, c.bin()); err != nil {
		return err
	}
	conf := filepath.Join(c.dir, "containerd.toml")
	if err := writeFile(conf, fmt.Sprintf("version = 2\nroot = %q\nstate = %q\n[grpc]\naddress = %q\n[ttrpc]\naddress = %q\n",
		filepath.Join(c.dir, "root"), filepath.Join(c.run, "state"), c.address(), c.address()+".ttrpc")); err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(c.bin(), "containerd"), "-c", conf) // ends by stop alone
	cmd.Env = append(environment(c.dir), c.path())
	var err error
	c.d, err = startDaemon(ctx, cmd, filepath.Join(c.dir, "containerd.log"), c.address())
	return err
}

// version is that of containerd and runc.
func (c *containerd) version(ctx context.Context) string {
	return "containerd " + versionOf(ctx, filepath.Join(c.programs, "containerd"), "--version") +
		", runc " + versionOf(ctx, filepath.Join(c.programs, "runc"), "--version")
}

func (c *containerd) stop(ctx context.Context) { c.d.stop(ctx) }

// writeFile makes a file that nobody else reads yet.
func writeFile(path, text string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		_ = f.Close() // the first error is the one to tell
		return err
	}
	return f.Close()
}
