package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/statedir"
)

// stopTime is how long an engine may take to end by itself before it is killed.
const stopTime = 10 * time.Second

// killTime is how long a killed engine may take to be gone. The kernel takes apart what
// it had, which is a matter of milliseconds where processors are free.
const killTime = 10 * time.Second

// Stop ends the embedded engine; its containers run on. No engine is no error.
// An engine that does not end within 10 seconds is killed, which costs no
// container either.
func Stop(ctx context.Context, d statedir.Dirs) error {
	if _, err := os.Stat(d.State); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock, err := d.Lock(ctx, startLock, nil)
	if err != nil {
		return fmt.Errorf("stop the engine: %w", err)
	}
	defer func() { _ = lock.Unlock() }()
	if err := end(ctx, d, stopTime); err != nil {
		return fmt.Errorf("stop the engine: %w", err)
	}
	return removeSockets(d)
}

// end signals through a pidfd that was opened before the lock was seen held
// by that process: a process that took over the number cannot be hit.
func end(ctx context.Context, d statedir.Dirs, grace time.Duration) error {
	pid, held, err := holder(d)
	if !held || err != nil {
		return err
	}
	if pid == 0 {
		return errors.New("it is just starting: try again")
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	defer func() { _ = unix.Close(fd) }()
	if again, _, err := holder(d); again != pid || err != nil {
		return err
	}
	for _, last := range []struct {
		signal unix.Signal
		wait   time.Duration
	}{{unix.SIGTERM, grace}, {unix.SIGKILL, killTime}} {
		if err := unix.PidfdSendSignal(fd, last.signal, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("signal process %d: %w", pid, err)
		}
		if gone(ctx, fd, last.wait) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("process %d has not ended yet: %w", pid, err)
		}
	}
	return fmt.Errorf("process %d is still there after it was killed", pid)
}

// gone waits until the process behind the pidfd has ended, at most for limit.
func gone(ctx context.Context, fd int, limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for ctx.Err() == nil {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 50)
		if n > 0 && err == nil {
			return true
		}
	}
	return false
}

// holder is the process of the engine that lives, answering or not. The lock
// is the truth: the kernel frees it with the process. The number is 0 for the
// moment in which the holder has not written it down yet. Where somebody has
// deleted the lock's file, it is who listens at the engine's socket.
func holder(d statedir.Dirs) (pid int, held bool, err error) {
	lock, err := d.TryLock(lockName)
	if err == nil {
		pid = listener(d.Socket())
		return pid, pid > 0, lock.Unlock()
	}
	var locked *statedir.LockedError
	if !errors.As(err, &locked) {
		return 0, false, err
	}
	return locked.Holder.PID, true, nil
}

// listener returns the process that listens at a socket (SO_PEERCRED, unix(7)), 0 for none.
func listener(path string) (pid int) {
	c, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return 0
	}
	defer func() { _ = c.Close() }() // nothing was said
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if peer, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(peer.Pid)
		}
	})
	return pid
}

func removeSockets(d statedir.Dirs) error {
	var errs []error
	for _, path := range []string{d.Socket(), ttrpcSocket(d)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
