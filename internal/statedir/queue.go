package statedir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/busy"
)

// place is somebody's place among those who wait for a lock: a file that he holds locked
// until he has the lock. The next one waits for that before he looks whether the lock is
// free, and so they get it in turn; the kernel frees the place of who has died. Whoever
// does not queue, such as TryLock, may still come first: places are for order, the lock
// itself keeps others out.
type place struct {
	f    *os.File
	path string
}

// places tells apart those of one process.
var places atomic.Int64

// queue is the folder of the places of those who wait for a lock.
func (d Dirs) queue(name string) string {
	return filepath.Join(d.State, "waiting", strings.ReplaceAll(name, "/", "_"))
}

// queued reports whether somebody waits.
func queued(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) > 0
}

// enqueue takes a place behind all that are there.
func enqueue(dir string) (*place, error) {
	for {
		if err := MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
			return nil, err
		}
		name := fmt.Sprintf("%020d-%d-%d", now.Nano(), os.Getpid(), places.Add(1))
		p, err := newPlace(dir, name)
		if !errors.Is(err, fs.ErrNotExist) { // else somebody has taken it for one of the dead, or the folder away
			return p, err
		}
	}
}

// newPlace makes a place that others see only once it is locked.
func newPlace(dir, name string) (*place, error) {
	aside, path := filepath.Join(dir, "."+name), filepath.Join(dir, name)
	f, err := os.OpenFile(aside, os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		err = os.Rename(aside, path)
	}
	if errors.Is(err, unix.EWOULDBLOCK) { // by who is about to remove it
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &place{f, path}, nil
}

const (
	// shortLook and longLook bound how often one that waits looks whether it is its turn:
	// the first the most often, and the less often the longer it takes.
	shortLook = time.Millisecond
	longLook  = 20 * time.Millisecond
	// overtake is for how long a lock must have been free for each one that is ahead until
	// it is taken though they are: a process that was stopped while it waits keeps nobody
	// from it.
	overtake = 100 * time.Millisecond
)

// lockInTurn waits for a lock behind all who wait for it. waiting, if not nil, is called
// once when it has to.
func (d Dirs) lockInTurn(ctx context.Context, path, dir string, waiting func(Holder)) (*Lock, error) {
	p, err := enqueue(dir)
	if err != nil {
		return nil, err
	}
	defer p.leave()
	begin := time.Now()
	var free time.Time // since when the lock is seen free while others are ahead
	for {
		ahead, err := p.ahead()
		if err != nil {
			return nil, err
		}
		if ahead == 0 || !free.IsZero() && time.Since(free) > time.Duration(ahead)*overtake {
			if l, err := tryLock(path); !errors.Is(err, unix.EWOULDBLOCK) {
				return l, err
			}
		}
		if waiting != nil {
			waiting(readHolder(path))
			waiting = nil
		}
		switch {
		case ahead == 0 || heldAlone(path):
			free = time.Time{}
		case free.IsZero():
			free = time.Now()
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(min(max(shortLook, time.Since(begin)/50)*time.Duration(ahead+1), longLook)):
		}
	}
}

// ahead is how many are ahead. It removes the places of those who died: each looks after
// the one right before its own.
func (p *place) ahead() (n int, err error) {
	dir, own := filepath.Split(p.path)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // without the folder nobody is
		return 0, err
	}
	before := ""
	for _, e := range entries { // sorted
		if strings.HasPrefix(e.Name(), ".") {
			continue // not yet one
		}
		if e.Name() >= own {
			break
		}
		before = filepath.Join(dir, e.Name())
		n++
	}
	if before != "" && removeUnlocked(before) == nil && !exists(before) {
		n--
	}
	return n, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// leave gives the place up, and takes the folders away after the last one.
func (p *place) leave() {
	_ = os.Remove(p.path) // it may have been taken for one of the dead
	_ = p.f.Close()
	removeQueue(filepath.Dir(p.path))
}

// removeQueue removes the folder of a queue, and the one that it is in, if they are empty.
func removeQueue(dir string) {
	if os.Remove(dir) == nil { // refused by the kernel unless empty
		_ = os.Remove(filepath.Dir(dir))
	}
}

// sweepPlaces removes the places of those who died while they waited, with nobody behind
// them who would.
func (d Dirs) sweepPlaces() error {
	found, err := filepath.Glob(filepath.Join(d.State, "waiting", "*", "*"))
	for _, path := range found {
		err = errors.Join(err, removeUnlocked(path))
	}
	queues, _ := filepath.Glob(filepath.Join(d.State, "waiting", "*")) // the pattern is good
	for _, dir := range queues {
		removeQueue(dir)
	}
	return err
}

// errStuck says that a lock which is held for moments does not go from hand to hand.
var errStuck = errors.New("nothing moves")

// whileMoving returns a context that ends once the same process has held a lock for so
// long, longer on a busy machine. As long as it goes from hand to hand, a place's turn comes.
func whileMoving(ctx context.Context, path string, patience time.Duration) (context.Context, context.CancelFunc) {
	if patience == 0 {
		return context.WithCancel(ctx)
	}
	ctx, end := context.WithCancelCause(ctx)
	go func() {
		last, since := readHolder(path), time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(patience / 30):
			}
			if h := readHolder(path); h.PID != last.PID || !h.Since.Equal(last.Since) {
				last, since = h, time.Now()
			}
			if time.Since(since) > busy.Stretch(patience) {
				end(errStuck)
				return
			}
		}
	}()
	return ctx, func() { end(context.Canceled) }
}
