package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/cgroups/v3"

	"stackup.dev/stackup/internal/statedir"
)

// maxState is how long, in bytes, the state folder's path may be. A unix
// socket's path ends at 107 bytes, and a shim's socket has a name of 64
// under state/s.
const maxState = 107 - 64 - len("/s/")

// Check says whether the embedded engine can run here. Its error is one line
// that names the first thing that is missing: root, a helper program or a
// kernel feature. overlayfs is not needed, see Snapshotter.
func Check(d statedir.Dirs, libexec string) error {
	if os.Geteuid() != 0 {
		return errors.New("the engine needs root: run as root or with sudo")
	}
	if len(d.State) > maxState {
		return fmt.Errorf("the state folder's path is too long for unix sockets: %s has %d bytes, at most %d fit (choose a shorter --state)", d.State, len(d.State), maxState)
	}
	for _, name := range []string{ShimProgram, runcProgram, cniProgram} {
		if !isProgram(filepath.Join(libexec, name)) {
			return fmt.Errorf("the engine needs the program %s, which is not in %s (run make build, or set STACKUP_LIBEXEC)", name, libexec)
		}
	}
	if err := checkNamespaces("/proc/self/ns"); err != nil {
		return err
	}
	if cgroups.Mode() == cgroups.Unavailable {
		return errors.New("the engine needs control groups: neither version 1 nor 2 is mounted at /sys/fs/cgroup")
	}
	return checkNetwork()
}

func checkNamespaces(dir string) error {
	for _, name := range []string{"mnt", "pid", "net", "ipc", "uts"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("the engine needs a kernel with %s namespaces: %w", name, err)
		}
	}
	return nil
}
