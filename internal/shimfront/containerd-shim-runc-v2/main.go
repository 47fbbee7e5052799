// Command containerd-shim-runc-v2 stands in front of containerd's program of
// that name on the embedded engine, one folder above. For every task that is
// deleted containerd runs "delete", which starts the OCI runtime again to clear
// away what may be left. After an ordinary deletion nothing is, and the task's
// shim still serves others: then this program has nothing to do. In every other
// case it becomes the real one.
package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	c := parse(os.Args[1:])
	if c.action == "delete" && c.cleared() {
		return // an empty DeleteResponse, which containerd does not look at here
	}
	self, err := os.Executable()
	if err == nil {
		behind := filepath.Join(filepath.Dir(filepath.Dir(self)), filepath.Base(self))
		err = syscall.Exec(behind, append([]string{behind}, os.Args[1:]...), os.Environ())
	}
	_, _ = os.Stderr.WriteString("run containerd's shim: " + err.Error() + "\n")
	os.Exit(1)
}

// call is what containerd asks of a shim program (containerd, runtime v2).
type call struct {
	namespace, id, bundle, action string
}

func parse(args []string) (c call) {
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		if !strings.HasPrefix(args[i], "-") {
			c.action = args[i]
			return c
		}
		into := map[string]*string{"namespace": &c.namespace, "id": &c.id, "bundle": &c.bundle}[name]
		if name == "debug" {
			continue // the one flag without a value
		}
		if !joined && i+1 < len(args) {
			i++
			value = args[i]
		}
		if into != nil {
			*into = value
		}
	}
	return c
}

// cleared says that nothing is left of the task, and that its shim lives: a
// dead one may have left things, and its exit is yet to be reported.
func (c call) cleared() bool {
	if c.bundle == "" || c.id == "" {
		return false
	}
	return c.runtimeKnowsNothing() && !mounted(filepath.Join(c.bundle, "rootfs")) && c.shimLives()
}

func (c call) runtimeKnowsNothing() bool {
	var o struct {
		Root string `json:"root"`
	}
	text, err := os.ReadFile(filepath.Join(c.bundle, "options.json"))
	if err != nil || json.Unmarshal(text, &o) != nil || o.Root == "" {
		return false
	}
	_, err = os.Lstat(filepath.Join(o.Root, c.namespace, c.id))
	return errors.Is(err, fs.ErrNotExist)
}

// mounted says whether dir is, or may be, a mount point.
func mounted(dir string) bool {
	var here, above syscall.Stat_t
	if err := syscall.Lstat(dir, &here); err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	return syscall.Lstat(filepath.Dir(dir), &above) != nil || here.Dev != above.Dev
}

func (c call) shimLives() bool {
	var b struct {
		Address string `json:"address"`
	}
	text, err := os.ReadFile(filepath.Join(c.bundle, "bootstrap.json"))
	if err != nil || json.Unmarshal(text, &b) != nil {
		return false
	}
	path, ok := strings.CutPrefix(b.Address, "unix://")
	return ok && listens(path)
}

func listens(path string) bool {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer func() { _ = syscall.Close(fd) }()
	return syscall.Connect(fd, &syscall.SockaddrUnix{Name: path}) == nil
}
