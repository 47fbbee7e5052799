package twin

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"stackup.dev/stackup/internal/statedir"
)

// Holder is a living process that holds a lock.
type Holder struct {
	PID  int
	path string // of the lock file, without symlinks
	fd   string // the descriptor that has it, once found
}

// Find says who holds the lock of that name, without touching it: taking it
// for a test could turn away a helper that is just starting. The file's
// content only gives a hint; the proof is a descriptor of that process which
// is the lock file and has a lock.
func Find(dirs statedir.Dirs, name string) (Holder, bool) {
	path, hint := dirs.LockFile(name), dirs.HolderOf(name)
	if hint.PID <= 0 {
		return Holder{}, false
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	h := Holder{PID: hint.PID, path: path}
	return h, h.holds()
}

// holds says whether the process has the lock file open and locked. A zombie
// has no descriptors left, hence no. It may have hundreds, so the one that was
// found is asked first.
func (h *Holder) holds() bool {
	if h.fd != "" && h.locks(h.fd) {
		return true
	}
	fds, err := os.ReadDir(h.proc("fd"))
	if err != nil {
		return false
	}
	for _, fd := range fds {
		if h.locks(fd.Name()) {
			h.fd = fd.Name()
			return true
		}
	}
	return false
}

// locks says whether a descriptor of the process is the lock file, locked.
func (h *Holder) locks(fd string) bool {
	if to, err := os.Readlink(h.proc("fd", fd)); err != nil || to != h.path {
		return false
	}
	info, err := os.ReadFile(h.proc("fdinfo", fd))
	return err == nil && bytes.Contains(info, []byte("FLOCK"))
}

func (h *Holder) proc(below ...string) string {
	return filepath.Join("/proc", strconv.Itoa(h.PID), filepath.Join(below...))
}

// Stopped says whether the process is stopped by a signal or a debugger
// (state T or t in proc(5)).
func (h Holder) Stopped() bool {
	b, err := os.ReadFile(h.proc("stat"))
	if err != nil {
		return false
	}
	i := bytes.LastIndexByte(b, ')') // the name before it may hold anything
	return i >= 0 && len(b) > i+2 && (b[i+2] == 'T' || b[i+2] == 't')
}

// Args is the command line that the process was started with, nil if it has
// gone.
func (h Holder) Args() []string {
	b, err := os.ReadFile(h.proc("cmdline"))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}

// Kill ends the process for good and waits up to a second for its lock to be
// free.
func (h Holder) Kill() error { return KillAll(h) }

// KillAll ends several processes at once, so that none of them has the time to
// bring another one back, and waits until their locks are free, for killTime at most.
func KillAll(holders ...Holder) error {
	var errs []error
	for _, h := range holders {
		errs = append(errs, h.kill())
	}
	for _, h := range holders {
		errs = append(errs, h.awaitFree())
	}
	return errors.Join(errs...)
}

// kill takes hold of the process first and looks at the lock again then, so
// that a process that got the same ID meanwhile is never hit.
func (h Holder) kill() error {
	p, err := os.FindProcess(h.PID) // a pidfd where the kernel has them
	if err != nil {
		return err
	}
	defer func() { _ = p.Release() }()
	if !h.holds() {
		return nil
	}
	if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// killTime is how long a killed process may take to be gone.
const killTime = 10 * time.Second

func (h Holder) awaitFree() error {
	for end := time.Now().Add(killTime); h.holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("process %d is still there %s after SIGKILL", h.PID, killTime)
		}
	}
	return nil
}
