package statedir

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Holder says who has a lock.
type Holder struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

func (h Holder) String() string {
	if h.PID == 0 { // it has not written that down yet, or shares the lock
		return "another process"
	}
	return fmt.Sprintf("%q (pid %d, since %s)", h.Command, h.PID, h.Since.Format(time.TimeOnly))
}

// LockedError says that a lock is held by another process.
type LockedError struct {
	Name   string
	Holder Holder
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("%s is locked by %s", e.Name, e.Holder)
}

// IsLocked reports whether an error says that a lock is held by another process.
func IsLocked(err error) bool {
	var locked *LockedError
	return errors.As(err, &locked)
}

// Lock is a held lock; the kernel frees it when the process dies.
type Lock struct {
	f      *os.File
	shared bool
}

// Lock waits for the lock of that name until ctx ends, and then returns a
// *LockedError. Those who wait get it in the order in which they came. waiting, if not
// nil, is called once when it has to wait.
func (d Dirs) Lock(ctx context.Context, name string, waiting func(Holder)) (*Lock, error) {
	return d.lock(ctx, name, waiting, 0)
}

// lock is Lock that gives up, unless patience is 0, when one process has had the lock for
// as long as that.
func (d Dirs) lock(ctx context.Context, name string, waiting func(Holder), patience time.Duration) (*Lock, error) {
	path, dir := d.LockFile(name), d.queue(name)
	if !queued(dir) {
		if l, err := tryLock(path); !errors.Is(err, unix.EWOULDBLOCK) {
			return l, err
		}
	}
	ctx, cancel := whileMoving(ctx, path, patience)
	defer cancel()
	l, err := d.lockInTurn(ctx, path, dir, waiting)
	if err != nil && ctx.Err() != nil {
		return nil, &LockedError{Name: name, Holder: readHolder(path)}
	}
	return l, err
}

// LockFile returns the path of the file that is locked, and says by whom.
func (d Dirs) LockFile(name string) string {
	return filepath.Join(d.State, "locks", strings.ReplaceAll(name, "/", "_"))
}

// stackPrefix begins the names of stacks' locks.
const stackPrefix = "stack-"

// StackLock is the name of the lock of a stack: who has it plans and changes the stack.
func StackLock(stack string) string { return stackPrefix + stack }

// StacksBusy reports whether somebody plans or changes any stack but this one. It may be
// over, or begin, by the time that the caller knows.
func (d Dirs) StacksBusy(but string) bool {
	files, _ := filepath.Glob(d.LockFile(stackPrefix + "*")) // the pattern is good
	return slices.ContainsFunc(files, func(path string) bool { return path != d.LockFile(StackLock(but)) && heldAlone(path) })
}

// containerPrefix begins the names of container locks.
const containerPrefix = "container-"

// shimPrefix begins the names of locks of shims' starts.
const shimPrefix = "shim-"

// execPrefix begins the names of locks of processes' starts in containers.
const execPrefix = "exec-"

// volumePrefix begins the names of locks of volumes' mounts.
const volumePrefix = "volume-"

// networkLock is the name of the lock of what all networks share.
const networkLock = "network"

// realtimeLock is the name of the lock of control groups' time for realtime processes.
const realtimeLock = "realtime"

// networkPatience is how long one process may have the network lock before those who
// wait give up, on a machine that is not busy.
const networkPatience = 30 * time.Second

// LockNetwork guards the records of endpoints and the rules that follow from
// them. It is held for milliseconds. It waits for as long as the lock goes from hand to
// hand, and returns a *LockedError if it does not.
func (d Dirs) LockNetwork(ctx context.Context) (*Lock, error) {
	return d.lock(ctx, networkLock, nil, networkPatience)
}

// LockRealtime guards what control groups have of that, while somebody adds it up.
func (d Dirs) LockRealtime(ctx context.Context) (*Lock, error) { return d.Lock(ctx, realtimeLock, nil) }

// LockShim lets one process at a time start the shim of a stack.
func (d Dirs) LockShim(ctx context.Context, stack string) (*Lock, error) {
	return d.Lock(ctx, shimPrefix+stack, nil)
}

// LockContainer serialises start, stop and removal of one container, and what
// is written into its folder, between commands and the supervisor.
func (d Dirs) LockContainer(ctx context.Context, id string) (*Lock, error) {
	return d.Lock(ctx, containerPrefix+id, nil)
}

// ContainerBusy reports whether somebody starts, stops or removes a container just now.
// It may be over by the time that the caller knows.
func (d Dirs) ContainerBusy(id string) bool {
	return heldAlone(d.LockFile(containerPrefix + id))
}

// heldAlone reports whether somebody has the lock of a file, and has it alone.
func heldAlone(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false // no holder has left its file
	}
	defer func() { _ = f.Close() }() // frees what it has
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// TryLockContainer takes that lock or returns a *LockedError at once.
func (d Dirs) TryLockContainer(id string) (*Lock, error) { return d.TryLock(containerPrefix + id) }

// ShareContainer lets nobody start, stop or remove a container while the caller looks at
// it; others may look too. It waits until ctx ends for who works on the container, and then
// returns a *LockedError.
func (d Dirs) ShareContainer(ctx context.Context, id string) (*Lock, error) {
	for {
		l, err := d.TryShareContainer(id)
		if !IsLocked(err) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(longLook):
		}
	}
}

// unlockTime is how long the last one who shares a lock may take to free it.
const unlockTime = 20 * time.Millisecond

// TryShareContainer shares the lock so, or returns a *LockedError as soon as it is clear
// that somebody works on the container.
func (d Dirs) TryShareContainer(id string) (*Lock, error) {
	name := containerPrefix + id
	for begin := time.Now(); ; {
		f, err := openLock(d.LockFile(name))
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
		if err == nil && isAt(f, f.Name()) {
			return &Lock{f: f, shared: true}, nil
		}
		_ = f.Close()
		switch {
		case err == nil: // its holder has just taken the file away
		case !errors.Is(err, unix.EWOULDBLOCK):
			return nil, err
		case time.Since(begin) > unlockTime:
			return nil, &LockedError{Name: name, Holder: readHolder(f.Name())}
		default:
			time.Sleep(time.Millisecond)
		}
	}
}

// LockExec keeps a container from being paused while a process is started in it. It
// is held for as long as a program's start takes.
func (d Dirs) LockExec(ctx context.Context, id string) (*Lock, error) {
	return d.Lock(ctx, execPrefix+id, nil)
}

// LockVolume guards what is mounted on a volume's folder, and its first content.
func (d Dirs) LockVolume(ctx context.Context, name string) (*Lock, error) {
	return d.Lock(ctx, volumePrefix+name, nil)
}

// TryLock takes the lock or returns a *LockedError at once.
func (d Dirs) TryLock(name string) (*Lock, error) {
	l, err := tryLock(d.LockFile(name))
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, &LockedError{Name: name, Holder: readHolder(d.LockFile(name))}
	}
	return l, err
}

// HolderOf returns what the last holder of the lock has written down of itself: the zero
// Holder if there is none. The holder may have died since.
func (d Dirs) HolderOf(name string) Holder { return readHolder(d.LockFile(name)) }

// Unlock frees the lock and takes its file away. Of those who share it the last one does,
// who has it alone for that moment.
func (l *Lock) Unlock() error {
	if l.shared && flock(l.f) != nil {
		return l.f.Close()
	}
	if !isAt(l.f, l.f.Name()) { // somebody has taken it away, and another process may have made it anew
		return l.f.Close()
	}
	return errors.Join(os.Remove(l.f.Name()), l.f.Close())
}

// Renew sees to it that a lock which nobody shares keeps others away: whoever deletes its
// file lets them take it. It makes the file anew, or returns a *LockedError if another
// process has done so; then the caller has no lock any more.
func (l *Lock) Renew() error {
	path := l.f.Name()
	if isAt(l.f, path) {
		return nil
	}
	fresh, err := tryLock(path)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return &LockedError{Name: filepath.Base(path), Holder: readHolder(path)}
	}
	if err != nil {
		return err
	}
	l.f, fresh.f = fresh.f, l.f
	return fresh.f.Close()
}

func openLock(path string) (*os.File, error) {
	if err := MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
}

func tryLock(path string) (*Lock, error) {
	f, err := openLock(path)
	if errors.Is(err, os.ErrNotExist) { // the folder went away under us
		return nil, unix.EWOULDBLOCK
	}
	if err != nil {
		return nil, err
	}
	if err := flock(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	if err := writeHolder(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	return &Lock{f: f}, nil
}

// flock locks f, and sees to it that f is still the file at its path: the
// last holder takes the file away.
func flock(f *os.File) error {
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	if !isAt(f, f.Name()) {
		return unix.EWOULDBLOCK
	}
	return nil
}

func writeHolder(f *os.File) error {
	b, err := json.Marshal(Holder{PID: os.Getpid(), Command: strings.Join(os.Args, " "), Since: time.Now()})
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	return err
}

// readHolder is best effort: the holder may be just writing.
func readHolder(path string) (h Holder) {
	b, err := os.ReadFile(path)
	if err == nil {
		_ = json.Unmarshal(b, &h)
	}
	return h
}
