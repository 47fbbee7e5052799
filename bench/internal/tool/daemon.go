package tool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// daemon is an engine that runs.
type daemon struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// startDaemon starts cmd and waits until its socket answers. What it prints
// goes to a file beside its data.
func startDaemon(ctx context.Context, cmd *exec.Cmd, log, socket string) (*daemon, error) {
	f, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // the daemon has its own descriptor
	cmd.Stdout, cmd.Stderr = f, f
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	d := &daemon{cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(d.done)
	}()
	if err := d.answers(ctx, socket); err != nil {
		d.stop(ctx)
		said, _ := os.ReadFile(log) // without it the error still stands
		return nil, fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, LastLine(said))
	}
	return d, nil
}

func (d *daemon) answers(ctx context.Context, socket string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		if conn, err := net.Dial("unix", socket); err == nil {
			return conn.Close()
		}
		select {
		case <-d.done:
			return errors.New("ended at its start")
		case <-ctx.Done():
			return errors.New("does not answer")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends it, by force after 15 seconds.
func (d *daemon) stop(ctx context.Context) {
	if d == nil {
		return
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM) // it has ended, or gets it
	select {
	case <-d.done:
		return
	case <-ctx.Done():
	case <-time.After(15 * time.Second):
	}
	_ = d.cmd.Process.Kill()
	<-d.done
}

// ownEngine copies containerd, shim and runc into dir, so that no two engines
// share their programs' pages: the memory of each is its own.
func ownEngine(from, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"containerd", "containerd-shim-runc-v2", "runc"} {
		if err := copyFile(filepath.Join(from, name), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read from
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
