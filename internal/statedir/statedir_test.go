package statedir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func newDirs(t *testing.T) Dirs {
	t.Helper()
	d, err := New(filepath.Join(t.TempDir(), "r"), filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRootAndStateDiffer(t *testing.T) {
	if _, err := New("/x", "/x/."); err == nil {
		t.Error("one folder for both was taken")
	}
}

func TestDefaultWorldHasNoTag(t *testing.T) {
	d, err := New(DefaultRoot, DefaultState)
	if err != nil {
		t.Fatal(err)
	}
	if d.Namespace() != "stackup" || d.NftTable() != "stackup" {
		t.Errorf("names of the default world: %s, %s", d.Namespace(), d.NftTable())
	}
	if other := newDirs(t); other.Namespace() == d.Namespace() {
		t.Errorf("two worlds share the namespace %s", d.Namespace())
	}
}

func TestLockNamesItsHolder(t *testing.T) {
	d := newDirs(t)
	l, err := d.TryLock("stack-shop")
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.TryLock("stack-shop")
	var locked *LockedError
	if !errors.As(err, &locked) || locked.Holder.PID != os.Getpid() {
		t.Errorf("second lock: %v", err)
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Join(d.State, "locks")); len(left) > 0 {
		t.Errorf("files left: %v", left)
	}
}

func TestWhoIsNotKnownIsSaidToBe(t *testing.T) {
	if got, want := (&LockedError{Name: "stack-shop"}).Error(), "stack-shop is locked by another process"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A lock whose file somebody deletes is renewed, unless another process has been faster.
func TestRenew(t *testing.T) {
	d := newDirs(t)
	mine, err := d.TryLock("x")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(mine.Renew(), os.Remove(d.LockFile("x")), mine.Renew()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.TryLock("x"); !IsLocked(err) {
		t.Errorf("after it is renewed another one gets: %v", err)
	}
	if err := os.Remove(d.LockFile("x")); err != nil {
		t.Fatal(err)
	}
	theirs, err := d.TryLock("x")
	if err != nil {
		t.Fatal(err)
	}
	if err := mine.Renew(); !IsLocked(err) {
		t.Errorf("renewed although another one has it: %v", err)
	}
	if err := mine.Unlock(); err != nil {
		t.Error(err)
	}
	if _, err := d.TryLock("x"); !IsLocked(err) {
		t.Errorf("the end of the first frees the second: %v", err)
	}
	if err := theirs.Unlock(); err != nil {
		t.Error(err)
	}
}

func TestLockIsExclusive(t *testing.T) {
	d := newDirs(t)
	var inside, most int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			l, err := d.Lock(t.Context(), "x", nil)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			inside++
			most = max(most, inside)
			mu.Unlock()
			mu.Lock()
			inside--
			mu.Unlock()
			if err := l.Unlock(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most != 1 {
		t.Errorf("%d held one lock at once", most)
	}
}

func TestLockWaitsUntilTheContextEnds(t *testing.T) {
	d := newDirs(t)
	if _, err := d.TryLock("x"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	told := 0
	_, err := d.Lock(ctx, "x", func(Holder) { told++; cancel() })
	var locked *LockedError
	if !errors.As(err, &locked) || told != 1 {
		t.Errorf("%v, told %d times", err, told)
	}
}

func TestWriteFileIsWholeAmongManyWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "file")
	texts := []string{strings.Repeat("a", 5000), strings.Repeat("b", 100)}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if err := WriteFile(path, []byte(texts[i%2]), 0o640); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != texts[0] && string(got) != texts[1] {
		t.Errorf("%v, %d bytes", err, len(got))
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o640 {
		t.Errorf("mode: %v, %v", st.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
		t.Errorf("files left aside: %v", left)
	}
}

// TestRemoveAmongWriters: who removes a file disturbs nobody who writes it.
func TestRemoveAmongWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if i%2 == 0 {
				if err := Remove(path); err != nil {
					t.Error("remove: ", err)
				}
			} else if err := WriteVolatile(path, []byte("text"), 0o600); err != nil {
				t.Error("write: ", err)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(os.WriteFile(aside(path), nil, 0o600), Remove(path)); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestManySweep: commands that begin at once find the same debris.
func TestManySweep(t *testing.T) {
	d := newDirs(t)
	for i := range 50 {
		fifo := filepath.Join(d.Exec(1<<30+i), "x", "stdout")
		mount := filepath.Join(d.Mounts(1<<30+i), "a")
		if err := errors.Join(os.MkdirAll(filepath.Dir(fifo), 0o700), unix.Mkfifo(fifo, 0o600), os.MkdirAll(mount, 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := d.Sweep(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, left := range []string{"exec", "mounts"} {
		if found, _ := os.ReadDir(filepath.Join(d.State, left)); len(found) > 0 {
			t.Errorf("%d of %s left", len(found), left)
		}
	}
}

func TestContainersAreSharedByThoseWhoLook(t *testing.T) {
	d := newDirs(t)
	work := func() (*Lock, error) { return d.TryLock("container-x") }
	var locked *LockedError
	one, err := d.TryShareContainer("x")
	two, terr := d.TryShareContainer("x")
	if err != nil || terr != nil {
		t.Fatal(err, terr)
	}
	for _, l := range []*Lock{one, two} {
		if _, err := work(); !errors.As(err, &locked) {
			t.Errorf("got %v from work while somebody looks", err)
		}
		if err := l.Unlock(); err != nil {
			t.Error(err)
		}
	}
	l, err := work()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.TryShareContainer("x"); !errors.As(err, &locked) || locked.Holder.PID != os.Getpid() {
		t.Errorf("got %v from a look while somebody works", err)
	}
	freed := make(chan error)
	time.AfterFunc(50*time.Millisecond, func() { freed <- l.Unlock() }) // long after somebody waits for it
	shared, err := d.ShareContainer(t.Context(), "x")
	if err := errors.Join(err, <-freed); err != nil {
		t.Fatal(err)
	}
	if err := shared.Unlock(); err != nil {
		t.Error(err)
	}
	if l, err = work(); err != nil {
		t.Fatal(err)
	}
	if err := l.Unlock(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(d.LockFile("container-x")); !os.IsNotExist(err) {
		t.Errorf("who worked has left its file: %v", err)
	}
	var wg sync.WaitGroup
	for range 40 { // none of them takes another one for who works
		wg.Go(func() {
			l, err := d.TryShareContainer("x")
			if err != nil {
				t.Error(err)
				return
			}
			if err := l.Unlock(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if left, _ := os.ReadDir(filepath.Dir(d.LockFile("container-x"))); len(left) > 0 {
		t.Errorf("who looked has left files: %v", left)
	}
}

func TestSweepTakesOnlyWhatNobodyHolds(t *testing.T) {
	d := newDirs(t)
	if d.ContainerBusy("held") {
		t.Error("busy before anybody has the lock")
	}
	held, err := d.TryLock("container-held")
	if !d.ContainerBusy("held") || d.ContainerBusy("other") {
		t.Error("the container whose lock is held is busy, and no other")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Unlock() }()
	debris := []string{
		filepath.Join(d.State, "locks", "container-dead"),
		filepath.Join(d.State, "locks", "shim-dead"),
		filepath.Join(d.State, "locks", "network"),
		filepath.Join(d.Networks(), ".shop.json.new"),
	}
	for _, p := range debris {
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Sweep(); err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, p := range append(debris, held.f.Name()) {
		if _, err := os.Stat(p); err == nil {
			left = append(left, filepath.Base(p))
		}
	}
	if diff := cmp.Diff([]string{"container-held"}, left); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

// TestSweepExecsFreesWriters: who waits for the reader of a FIFO that never
// comes is let go; FIFOs of a command that is there stay.
func TestSweepExecsFreesWriters(t *testing.T) {
	d := newDirs(t)
	dead, mine := filepath.Join(d.Exec(1<<30), "x", "stdout"), filepath.Join(d.Exec(os.Getpid()), "stdout")
	for _, path := range []string{dead, mine} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), unix.Mkfifo(path, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	opened := make(chan error, 1)
	thread := make(chan int, 1)
	go func() {
		runtime.LockOSThread()
		thread <- unix.Gettid()
		f, err := os.OpenFile(dead, os.O_WRONLY, 0)
		if err == nil {
			err = f.Close()
		}
		opened <- err
	}()
	untilOpening(t, <-thread)
	if err := d.SweepExecs(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-opened:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the writer still waits")
	}
	if _, err := os.Stat(mine); err != nil {
		t.Error(err)
	}
}

// untilOpening waits until a thread of this process waits in openat.
func untilOpening(t *testing.T, thread int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/syscall", thread))
		if err != nil {
			time.Sleep(50 * time.Millisecond) // a kernel that does not show system calls
			return
		}
		if strings.HasPrefix(string(b), fmt.Sprintf("%d ", unix.SYS_OPENAT)) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the thread is in %q", b)
		}
	}
}

// TestMkdirAllAmongOthers: a folder is made though others take those above it away.
func TestMkdirAllAmongOthers(t *testing.T) {
	top := t.TempDir()
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			dir := filepath.Join(top, "mounts", "of", fmt.Sprint(i))
			for range 500 {
				if err := MkdirAll(dir, 0o700); err != nil {
					t.Error(err)
					return
				}
				for d := dir; d != top; d = filepath.Dir(d) {
					_ = os.Remove(d)
				}
			}
		})
	}
	all.Wait()
}
