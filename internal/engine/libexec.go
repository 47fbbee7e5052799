package engine

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// The helper programs that the embedded engine cannot do without.
const (
	ShimProgram = "containerd-shim-runc-v2"
	runcProgram = "runc"
	cniProgram  = "stackup-cni"
)

// frontFolder, in that of the helper programs, has what stands in front of the
// shim (internal/shimfront).
const frontFolder = "front"

// defaultPath is the PATH of a process that was given none.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Libexec is the folder of the helper programs: STACKUP_LIBEXEC if set, else
// libexec/stackup beside the program itself, else ../libexec/stackup (for a
// program in a bin folder). Links to the program are followed.
func Libexec() (string, error) {
	if dir := os.Getenv("STACKUP_LIBEXEC"); dir != "" {
		return filepath.Abs(dir)
	}
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	if exe, err = filepath.EvalSymlinks(exe); err != nil {
		return "", err
	}
	return libexecOf(exe)
}

func libexecOf(exe string) (string, error) {
	beside := filepath.Join(filepath.Dir(exe), "libexec", "stackup")
	above := filepath.Join(filepath.Dir(exe), "..", "libexec", "stackup")
	for _, dir := range []string{beside, above} {
		if st, err := os.Stat(dir); err == nil && st.IsDir() {
			return dir, nil
		}
	}
	return "", fmt.Errorf("the helper programs are missing: neither %s nor %s exists (run make build, or set STACKUP_LIBEXEC)", beside, above)
}

// OCIRuntime is the program that runs new containers on the chosen engine:
// for "runc" or no name ours with the embedded engine, and an empty path with a
// system's, which finds its own; else the program of that name in PATH.
func OCIRuntime(name string, c Choice, libexec string) (string, error) {
	if name == "" || name == runcProgram {
		if c.Kind == Embedded {
			return filepath.Join(libexec, runcProgram), nil
		}
		return "", nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("the OCI runtime %s is not installed: %w", name, err)
	}
	return filepath.Abs(path)
}

// isProgram says whether path is a file that may be executed.
func isProgram(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0
}

func pathOr(path string) string {
	if path == "" {
		return defaultPath
	}
	return path
}
