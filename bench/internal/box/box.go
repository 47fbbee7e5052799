// Package box runs a program in process, mount and network namespaces of its
// own, where it is process 2. What that program starts cannot outlast it:
// processes, mounts, links, rules of any firewall and sockets below /run go
// with the namespaces. Only files and control groups would stay.
package box

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// inside is the first argument of this program when it is process 1 of a box.
const inside = "__inside"

// hidden folders are empty in a box. A missing one is made, and taken away
// again: programs that know no other place write there.
var hidden = []string{"/run", "/var/lib/cni"}

// Run runs this very program again in a new box, with args, and returns its
// exit code. SIGINT and SIGTERM reach it.
func Run(args []string) (code int, err error) {
	for _, dir := range hidden {
		if os.Mkdir(dir, 0o755) == nil {
			defer func() { err = errors.Join(err, os.Remove(dir)) }()
		}
	}
	c := exec.Command("/proc/self/exe", append([]string{inside}, args...)...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		Pdeathsig:  syscall.SIGKILL,
		Setpgid:    true, // a Ctrl-C comes once, from here
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(stop)
	if err := c.Start(); err != nil {
		return 0, fmt.Errorf("namespaces: %w", err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	for {
		select {
		case s := <-stop:
			_ = c.Process.Signal(s) // it has ended already, or gets it
		case err := <-done:
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				return exit.ExitCode(), nil
			}
			return 0, err
		}
	}
}
