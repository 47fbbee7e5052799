package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"stackup.dev/stackup/internal/busy"
	"stackup.dev/stackup/internal/statedir"
)

const (
	// startLock is held while somebody starts or stops the engine.
	startLock = "engine-start"
	// startTime is how long an engine may take until it answers, on a machine that is not busy.
	startTime = 20 * time.Second
	// firstPause and longestPause bound the time between two questions to an engine that
	// starts. A pause is a twentieth of the time waited so far.
	firstPause   = 2 * time.Millisecond
	longestPause = 50 * time.Millisecond
)

// Start sees to it that the embedded engine runs and answers, and starts it
// detached if it does not. Any number of processes may call it at once: one
// engine comes of it. It gives up after 20 seconds, later on a busy machine.
//
// The engine is this program again, called as `engine run --root R --state S`.
func Start(ctx context.Context, d statedir.Dirs, libexec string) error {
	if _, err := Ping(ctx, d.Socket()); err == nil {
		return nil
	}
	if err := Check(d, libexec); err != nil {
		return err
	}
	ctx, cancel := busy.WithTimeout(ctx, startTime, fmt.Errorf("it did not answer within %s", startTime))
	defer cancel()
	lock, err := d.Lock(ctx, startLock, nil)
	if err != nil {
		return fmt.Errorf("start the engine: %w", err)
	}
	defer func() { _ = lock.Unlock() }()
	if err := bringUp(ctx, d, libexec); err != nil {
		return fmt.Errorf("start the engine: %w", err)
	}
	return nil
}

// bringUp waits until the engine answers. It spawns one once none holds the
// engine's lock: an engine that is about to end, or hangs, is waited for.
func bringUp(ctx context.Context, d statedir.Dirs, libexec string) error {
	var c *child
	for begin := time.Now(); ; {
		if _, err := Ping(ctx, d.Socket()); err == nil {
			return nil
		}
		if c == nil {
			var err error
			if c, err = spawnIfNone(d, libexec); err != nil {
				return err
			}
		}
		select {
		case <-c.ended():
			return c.why(d)
		case <-ctx.Done():
			return errors.Join(givenUp(ctx, d), c.kill())
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

func spawnIfNone(d statedir.Dirs, libexec string) (*child, error) {
	if _, held, err := holder(d); held || err != nil {
		return nil, err
	}
	return spawn(d, libexec)
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
