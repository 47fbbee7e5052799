package build

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"stackup.dev/stackup/internal/statedir"
)

// The helper programs, beside our own or in PATH.
const (
	daemonProgram = "buildkitd"
	clientProgram = "buildctl"
)

const (
	daemonStart = 20 * time.Second // until it answers
	daemonRetry = 200 * time.Millisecond
	daemonEnd   = 10 * time.Second // from SIGTERM to SIGKILL
)

// Builder builds with a BuildKit of its own, whose worker is the engine: what it
// makes is there at once. BuildKit is started by the first build and ends with
// Close, or with this process; its cache stays. One process at a time has it.
//
// Host, if not empty, is a BuildKit that runs elsewhere (BUILDKIT_HOST).
type Builder struct {
	Dirs        statedir.Dirs
	Libexec     string
	Address     string // of the engine
	Snapshotter string
	Host        string
	// Waiting, if not nil, is told who builds while this waits.
	Waiting func(statedir.Holder)
	// Clear, if not nil, ends what a dead BuildKit had the engine run. Nobody
	// builds meanwhile.
	Clear func(context.Context) error

	mu   sync.Mutex
	lock *statedir.Lock
	cmd  *exec.Cmd
	done chan error
}

// address starts BuildKit unless it runs, and gives where it listens.
func (b *Builder) address(ctx context.Context) (string, error) {
	if b.Host != "" {
		return b.Host, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	at := "unix://" + b.socket()
	if b.cmd != nil {
		return at, nil
	}
	lock, err := b.Dirs.Lock(ctx, statedir.BuildLock, func(h statedir.Holder) {
		if b.Waiting != nil {
			b.Waiting(h)
		}
	})
	if err != nil {
		return "", fmt.Errorf("wait for another build: %w", err)
	}
	b.lock = lock
	if b.left() {
		if err := b.clear(ctx); err != nil {
			return "", errors.Join(err, b.end())
		}
	}
	if err := b.startPatiently(ctx); err != nil {
		return "", errors.Join(err, b.end())
	}
	return at, nil
}

// startPatiently waits until the daemon of a command that was killed has ended:
// it holds BuildKit's own lock on the cache.
func (b *Builder) startPatiently(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, daemonStart)
	defer cancel()
	for {
		err := b.start(ctx)
		if err == nil || !strings.Contains(err.Error(), "could not lock") {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(daemonRetry):
		}
	}
}

// socket is of this process: that of one that was killed may still answer.
func (b *Builder) socket() string {
	return filepath.Join(b.Dirs.Build(), fmt.Sprintf("%d.sock", os.Getpid()))
}

func (b *Builder) configFile() string { return filepath.Join(b.Dirs.Build(), "buildkitd.toml") }

// temp is where the daemon mounts things for a moment: where Sweep finds those of one
// that was killed.
func (b *Builder) temp() string { return filepath.Join(b.Dirs.BuildCache(), "tmp") }

func (b *Builder) start(ctx context.Context) error {
	program, err := b.program(daemonProgram)
	if err != nil {
		return err
	}
	if err := errors.Join(statedir.MkdirAll(b.Dirs.Build(), 0o700), statedir.MkdirAll(b.temp(), 0o700)); err != nil {
		return err
	}
	config := b.configFile()
	if err := statedir.WriteVolatile(config, []byte(b.config()), 0o600); err != nil {
		return err
	}
	log, err := os.Create(b.logFile())
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the daemon has a descriptor of its own
	cmd := exec.Command(program, "--config", config, "--root", b.Dirs.BuildCache(), "--addr", "unix://"+b.socket())
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), "PATH="+b.Libexec+string(os.PathListSeparator)+os.Getenv("PATH"), "TMPDIR="+b.temp())
	b.done, err = bind(cmd, syscall.SIGTERM)
	if err != nil {
		return err
	}
	b.cmd = cmd
	return b.answers(ctx)
}

// bind starts a program that is sent a signal when this process dies, however
// it dies. done has the program's end.
func bind(cmd *exec.Cmd, death syscall.Signal) (done chan error, err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: death}
	done = make(chan error, 1)
	begun := make(chan error)
	go func() {
		runtime.LockOSThread() // the signal comes when the thread ends that started the program
		err := cmd.Start()
		begun <- err
		if err == nil {
			done <- cmd.Wait()
		}
	}()
	return done, <-begun
}

// answers waits until the daemon listens.
func (b *Builder) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, daemonStart)
	defer cancel()
	for {
		c, err := net.Dial("unix", b.socket())
		if err == nil {
			return c.Close()
		}
		select {
		case err := <-b.done:
			b.cmd = nil
			return fmt.Errorf("buildkitd ended (%w): %s", err, b.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("buildkitd does not answer: %w: %s", context.Cause(ctx), b.lastWords())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (b *Builder) logFile() string { return filepath.Join(b.Dirs.BuildCache(), "buildkitd.log") }

// lastWords is what the daemon said why it ended; a trace may follow it.
func (b *Builder) lastWords() string {
	text, _ := os.ReadFile(b.logFile())
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for _, l := range slices.Backward(lines) {
		if why, ok := strings.CutPrefix(l, daemonProgram+": "); ok {
			return why
		}
	}
	return lines[len(lines)-1]
}

// config has the engine's containerd as the one worker. The entitlements are
// for builds to ask for; nobody else reaches the socket.
func (b *Builder) config() string {
	return fmt.Sprintf(`insecure-entitlements = ["network.host", "security.insecure"]
[worker.oci]
enabled = false
[worker.containerd]
enabled = true
address = %q
namespace = %q
snapshotter = %q
networkMode = "host"
defaultCgroupParent = %q
`, b.Address, b.Dirs.Namespace(), b.Snapshotter, "/"+b.Dirs.Namespace())
}

func (b *Builder) program(name string) (string, error) {
	if path := filepath.Join(b.Libexec, name); isProgram(path) {
		return path, nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("building needs %s, which is neither in %s nor in PATH", name, b.Libexec)
	}
	return path, nil
}

func isProgram(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0
}

// Close ends BuildKit if it was started.
func (b *Builder) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.end()
}

// removeGroups takes away the control groups in which builds ran, and ours above
// them if no container has it.
func (b *Builder) removeGroups() {
	own := b.Dirs.Namespace()
	for _, group := range []string{filepath.Join(own, "buildkit/*"), filepath.Join(own, "buildkit"), own} {
		v1, _ := filepath.Glob(filepath.Join("/sys/fs/cgroup/*", group)) // the pattern is good
		v2, _ := filepath.Glob(filepath.Join("/sys/fs/cgroup", group))   // likewise
		for _, p := range append(v1, v2...) {
			_ = os.Remove(p) // refused by the kernel unless empty
		}
	}
}

func (b *Builder) end() error {
	if b.cmd != nil {
		_ = b.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-b.done: //nolint:errcheck // it was told to
		case <-time.After(daemonEnd):
			_ = b.cmd.Process.Kill()
			<-b.done //nolint:errcheck // likewise
		}
		b.cmd = nil
	}
	if b.lock == nil {
		return nil
	}
	b.removeGroups()
	err := os.RemoveAll(b.Dirs.Build())
	err = errors.Join(err, b.lock.Unlock())
	b.lock = nil
	return err
}
