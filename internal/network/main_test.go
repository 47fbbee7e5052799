package network

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// inside is set in the child that TestMain makes: it has network and mount
// namespaces of its own, so tests touch no link, rule or mount of the host.
const inside = "STACKUP_TEST_NAMESPACES"

// TestMain runs the tests in fresh namespaces when it may make some.
func TestMain(m *testing.M) {
	if os.Geteuid() != 0 || os.Getenv(inside) != "" {
		os.Exit(run(m))
	}
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case errors.Is(err, os.ErrPermission):
		os.Exit(run(m)) // tests that need namespaces skip
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(m *testing.M) int {
	if os.Getenv(inside) == "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "stackup-network")
	if err == nil {
		err = prepare(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	_ = unix.Unmount(dir, unix.MNT_DETACH)
	_ = os.Remove(dir)
	return code
}

// prepare makes dir the temporary folder, in memory as /run is, builds the
// plugin into it and brings loopback up.
func prepare(dir string) error {
	// As a slave: ours stay here, and what the host unmounts we do not hold.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return err
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "plugin", "stackup-cni"), "stackup.dev/stackup/internal/cni/stackup-cni")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		return err
	}
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the plugin: %w", err)
	}
	return errors.Join(os.Setenv("TMPDIR", dir), os.Setenv("STACKUP_TEST_PLUGINS", filepath.Join(dir, "plugin")), loopbackUp())
}
