package box

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Enter must come first in main. Outside of a box, and in the program that a
// box was made for, it does nothing. As process 1 of a box it furnishes it, runs the
// program, waits for what is orphaned in the box, and never returns.
func Enter() {
	if len(os.Args) < 2 || os.Args[1] != inside || os.Getpid() != 1 {
		return
	}
	code, err := first(os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "box:", err)
		code = 1
	}
	os.Exit(code)
}

// In says whether this process is in a box.
func In() bool { return os.Getppid() == 1 && os.Getenv(inside) != "" }

func first(args []string) (int, error) {
	if err := furnish(); err != nil {
		return 0, err
	}
	c := exec.Command("/proc/self/exe", args...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Env = append(os.Environ(), inside+"=1")
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	if err := c.Start(); err != nil {
		return 0, err
	}
	go func() {
		for s := range stop {
			_ = c.Process.Signal(s)
		}
	}()
	return reap(c.Process.Pid)
}

// reap waits for every child until pid has ended, and returns its exit code.
func reap(pid int) (int, error) {
	for {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 0, err
		case got == pid && status.Signaled():
			return 128 + int(status.Signal()), nil
		case got == pid:
			return status.ExitStatus(), nil
		}
	}
}

func furnish() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	resolv, content := resolvConf()
	for _, dir := range hidden {
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
			return fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return errors.Join(keep(resolv, content), loopback())
}

// resolvConf gives the file that /etc/resolv.conf is or links to; it may lie in
// a folder that will be hidden.
func resolvConf() (path string, content []byte) {
	path, err := filepath.EvalSymlinks("/etc/resolv.conf")
	if err == nil {
		content, err = os.ReadFile(path)
	}
	if err != nil {
		return "", nil // a machine without one keeps none
	}
	return path, content
}

// keep puts a file back if a hidden folder has taken it out of sight.
func keep(path string, content []byte) error {
	if _, err := os.Stat(path); err == nil || path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
