package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"stackup.dev/stackup/internal/statedir"
)

const (
	// startLock is held while somebody starts or stops the engine.
	startLock = "engine-start"
	// firstPause and longestPause bound the time between two questions to an engine that
	// starts. A pause is a twentieth of the time waited so far.
	firstPause   = 2 * time.Millisecond
	longestPause = 50 * time.Millisecond
)

// Start sees to it that the embedded engine runs and answers, and starts it
// detached if it does not. Any number of processes may call it at once: one
// engine comes of it. It gives up once the engine has done nothing for 20 seconds, or
// does not answer after 5 minutes.
//
// The engine is this program again, called as `engine run --root R --state S`.
func Start(ctx context.Context, d statedir.Dirs, libexec string) error {
	if _, err := Ping(ctx, d.Socket()); err == nil {
		return nil
	}
	if err := Check(d, libexec); err != nil {
		return err
	}
	s := &starting{Dirs: d, libexec: libexec}
	ctx, cancel := whilePatient(ctx, s.waitedFor)
	defer cancel()
	lock, err := d.Lock(ctx, startLock, nil)
	if err != nil {
		return fmt.Errorf("start the engine: %w", err)
	}
	defer func() { _ = lock.Unlock() }()
	if err := s.bringUp(ctx); err != nil {
		return fmt.Errorf("start the engine: %w", err)
	}
	return nil
}

// starting is a start of the engine under way.
type starting struct {
	statedir.Dirs
	libexec string
	child   atomic.Pointer[child] // the engine that it has spawned
}

// waitedFor returns the process that has to do something next: the engine, one that is
// to become the engine, or another start, which spawns one. 0 is none.
func (s *starting) waitedFor() int {
	if pid := s.HolderOf(lockName).PID; workOf(pid).pid != 0 {
		return pid
	}
	if c := s.child.Load(); c != nil {
		return c.cmd.Process.Pid
	}
	return s.HolderOf(startLock).PID
}

// bringUp waits until the engine answers. It spawns one once none holds the
// engine's lock: an engine that is about to end, or hangs, is waited for.
func (s *starting) bringUp(ctx context.Context) error {
	for begin := time.Now(); ; {
		if _, err := Ping(ctx, s.Socket()); err == nil {
			return nil
		}
		if err := s.spawnIfNone(); err != nil {
			return err
		}
		c := s.child.Load()
		select {
		case <-c.ended():
			return c.why(s.Dirs)
		case <-ctx.Done():
			return errors.Join(givenUp(ctx, s.Dirs), c.kill())
		case <-time.After(min(max(firstPause, time.Since(begin)/20), longestPause)):
		}
	}
}

// givenUp names the engine that is there but does not answer.
func givenUp(ctx context.Context, d statedir.Dirs) error {
	if pid, held, err := holder(d); held && err == nil {
		return fmt.Errorf("%w; process %d is the engine, it hangs or is just ending (log: %s)", context.Cause(ctx), pid, d.EngineLog())
	}
	return context.Cause(ctx)
}

// spawnIfNone spawns the engine unless this start has done so, or an engine lives.
func (s *starting) spawnIfNone() error {
	if s.child.Load() != nil {
		return nil
	}
	if _, held, err := holder(s.Dirs); held || err != nil {
		return err
	}
	c, err := spawn(s.Dirs, s.libexec)
	if err == nil {
		s.child.Store(c)
	}
	return err
}

// child is an engine that this process spawned.
type child struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once it has ended
	from int64         // where its part of the log begins
}

// spawn starts the engine in a session of its own, with nothing of the caller's
// environment but PATH: whatever is in it would live on in every shim.
func spawn(d statedir.Dirs, libexec string) (*child, error) {
	log, err := OpenLog(d)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/proc/self/exe", "engine", "run", "--root", d.Root, "--state", d.State)
	cmd.Args[0] = "stackup"
	cmd.Env = []string{"PATH=" + pathOr(os.Getenv("PATH")), "STACKUP_LIBEXEC=" + libexec}
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log.f, log.f
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	c := &child{cmd: cmd, done: make(chan struct{}), from: log.size}
	if err := errors.Join(cmd.Start(), log.Close()); err != nil {
		return nil, err
	}
	// Reaps the engine if it ends before this process does; otherwise the
	// engine outlives both.
	go func() {
		_ = cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

// ended is nil, and so never ready, for no child.
func (c *child) ended() <-chan struct{} {
	if c == nil {
		return nil
	}
	return c.done
}

func (c *child) kill() error {
	if c == nil {
		return nil
	}
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-c.done
	return nil
}

// why is the error of an engine that ended at once: its last words.
func (c *child) why(d statedir.Dirs) error {
	if line := lastLine(d.EngineLog(), c.from); line != "" {
		return fmt.Errorf("%s (log: %s)", line, d.EngineLog())
	}
	return fmt.Errorf("it ended at once (%s) and said nothing in %s", c.cmd.ProcessState, d.EngineLog())
}
