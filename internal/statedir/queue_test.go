package statedir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// waiting is how many wait for a lock.
func waiting(d Dirs, name string) int {
	entries, _ := filepath.Glob(filepath.Join(d.queue(name), "[0-9]*"))
	return len(entries)
}

// last is the place of who has come last.
func last(d Dirs, name string) (place string) {
	entries, _ := os.ReadDir(d.queue(name))
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			place = e.Name()
		}
	}
	return place
}

func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func nobodyWaits(t *testing.T, d Dirs) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(d.State, "waiting")); !os.IsNotExist(err) {
		t.Errorf("the folder of those who wait: %v", err)
	}
}

// TestInTurn: those who wait for a lock get it in the order in which they came, also one
// that comes while the lock passes from one to the next, and those who die are passed over.
func TestInTurn(t *testing.T) {
	d := Dirs{State: t.TempDir()}
	held, err := d.TryLock("x")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var got []int
	var all sync.WaitGroup
	want := func(i int) {
		before := last(d, "x")
		all.Go(func() {
			l, err := d.Lock(t.Context(), "x", nil)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			got = append(got, i)
			mu.Unlock()
			if err := l.Unlock(); err != nil {
				t.Error(err)
			}
		})
		until(t, "it waits", func() bool { return last(d, "x") > before })
	}
	for i := range 10 {
		if i == 5 {
			dead(t, d, "x")
		}
		want(i)
	}
	if err := held.Unlock(); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	if !slices.IsSorted(got) || len(got) != 10 {
		t.Errorf("order %v", got)
	}
	nobodyWaits(t, d)
}

// dead leaves a place as a process does that is killed while it waits.
func dead(t *testing.T, d Dirs, name string) {
	t.Helper()
	p, err := enqueue(d.queue(name))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestStoppedInTheQueue: a process that is stopped while it waits keeps nobody from a lock
// that is free.
func TestStoppedInTheQueue(t *testing.T) {
	d := Dirs{State: t.TempDir()}
	stopped, err := enqueue(d.queue("x"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		l, err := d.Lock(t.Context(), "x", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	stopped.leave()
	nobodyWaits(t, d)
}

// TestGivenUpInTheQueue: who gives up leaves its place, and the next one moves up.
func TestGivenUpInTheQueue(t *testing.T) {
	d := Dirs{State: t.TempDir()}
	held, err := d.TryLock("x")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 2)
	go func() { _, err := d.Lock(ctx, "x", nil); errs <- err }()
	until(t, "the first waits", func() bool { return waiting(d, "x") == 1 })
	go func() {
		l, err := d.Lock(t.Context(), "x", nil)
		if err == nil {
			err = l.Unlock()
		}
		errs <- err
	}()
	until(t, "the second waits", func() bool { return waiting(d, "x") == 2 })
	cancel()
	if err := <-errs; !IsLocked(err) {
		t.Errorf("given up: %v", err)
	}
	if err := held.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := <-errs; err != nil {
		t.Error(err)
	}
	until(t, "nobody waits", func() bool { return waiting(d, "x") == 0 })
	nobodyWaits(t, d)
}

// TestSweepOfPlaces: what is left of those who died while they waited goes, and who waits
// keeps his place.
func TestSweepOfPlaces(t *testing.T) {
	d := Dirs{State: t.TempDir(), Root: t.TempDir()}
	dead(t, d, "x")
	dead(t, d, "y")
	alive, err := enqueue(d.queue("y"))
	if err != nil {
		t.Fatal(err)
	}
	check(t, d.Sweep())
	if waiting(d, "x") != 0 || waiting(d, "y") != 1 || last(d, "y") != filepath.Base(alive.path) {
		t.Errorf("%d and %d wait", waiting(d, "x"), waiting(d, "y"))
	}
	alive.leave()
	nobodyWaits(t, d)
}

// TestPatience: a wait ends when one process keeps the lock, and goes on while the lock
// goes from hand to hand.
func TestPatience(t *testing.T) {
	d := Dirs{State: t.TempDir()}
	held, err := d.TryLock("x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.lock(t.Context(), "x", nil, 100*time.Millisecond); !IsLocked(err) {
		t.Errorf("held by one: %v", err)
	}
	done := make(chan error, 1)
	go func() { _, err := d.lock(t.Context(), "x", nil, 2*time.Second); done <- err }()
	until(t, "it waits", func() bool { return waiting(d, "x") == 1 })
	for i := range 8 { // four seconds
		select {
		case err := <-done:
			t.Fatalf("given up at hand %d: %v", i, err)
		case <-time.After(500 * time.Millisecond):
		}
		check(t, os.WriteFile(d.LockFile("x"), fmt.Appendf(nil, `{"pid": %d}`, 1000+i), 0o600)) // as the next one would
	}
	if err := held.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestQueueOfAnotherVersion: who does not queue is kept out, and keeps others out, all the same.
func TestQueueOfAnotherVersion(t *testing.T) {
	d := Dirs{State: t.TempDir()}
	f, err := openLock(d.LockFile("x"))
	if err != nil {
		t.Fatal(err)
	}
	check(t, unix.Flock(int(f.Fd()), unix.LOCK_EX))
	done := make(chan *Lock, 1)
	go func() {
		l, err := d.Lock(t.Context(), "x", nil)
		if err != nil {
			t.Error(err)
		}
		done <- l
	}()
	until(t, "it waits", func() bool { return waiting(d, "x") == 1 })
	check(t, os.Remove(f.Name()))
	check(t, f.Close())
	l := <-done
	if _, err := tryLock(d.LockFile("x")); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Errorf("another version has it too: %v", err)
	}
	check(t, l.Unlock())
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
