package twin

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"stackup.dev/stackup/internal/statedir"
)

func TestJudge(t *testing.T) {
	type look struct {
		after         time.Duration
		held, stopped bool
		want          verdict
	}
	ms := time.Millisecond
	tests := []struct {
		name  string
		looks []look
	}{
		{"alive", []look{{0, true, false, fine}, {500 * ms, true, false, fine}}},
		{"dead is replaced at once", []look{{0, false, false, replace}}},
		{"stopped once may be chance", []look{{0, true, true, fine}, {500 * ms, true, false, fine}, {1000 * ms, true, true, fine}}},
		{"stopped twice in a row", []look{{0, true, true, fine}, {500 * ms, true, true, replace}}},
		{"a new one gets time to begin", []look{{0, false, false, replace}, {500 * ms, false, false, fine}, {1000 * ms, false, false, replace}, {2500 * ms, false, false, fine}, {3000 * ms, false, false, replace}}},
		{"steady life ends the back-off", []look{{0, false, false, replace}, {1 * time.Second, true, false, fine}, {11 * time.Second, true, false, fine}, {12 * time.Second, false, false, replace}, {13 * time.Second, false, false, replace}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var m memory
			begin := time.Unix(0, 0)
			for _, l := range tt.looks {
				now := begin.Add(l.after)
				got := m.judge(now, l.held, l.stopped)
				if got != l.want {
					t.Errorf("after %v: %v, want %v", l.after, got, l.want)
				}
				if got == replace {
					m.spawned(now)
				}
			}
		})
	}
}

// TestNeeded: by a container's folder of FIFOs, and since the oldest of them was made.
func TestNeeded(t *testing.T) {
	d := statedir.Dirs{Root: t.TempDir(), State: t.TempDir()}
	if Needed(d) {
		t.Error("needed before there is a container")
	}
	old, young := time.Unix(1000, 0), time.Unix(2000, 0)
	for name, at := range map[string]time.Time{"a": young, "b": old, ".c": time.Unix(1, 0)} {
		folder := filepath.Join(d.IO(), name)
		if err := errors.Join(os.MkdirAll(folder, 0o700), os.Chtimes(folder, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	if since, needed := NeededSince(d); !needed || !since.Equal(old) {
		t.Errorf("needed: %t, since %s", needed, since)
	}
}

// TestOwnLock: the file of a helper's lock is made anew; a helper ends if another one
// has come in its place.
func TestOwnLock(t *testing.T) {
	d := statedir.Dirs{Root: t.TempDir(), State: t.TempDir()}
	own, err := d.TryLock(Logger)
	if err != nil {
		t.Fatal(err)
	}
	displaced := false
	w := Watcher{Dirs: d, Log: slog.New(slog.DiscardHandler), Own: own, Displaced: func() { displaced = true }}
	if err := os.Remove(d.LockFile(Logger)); err != nil {
		t.Fatal(err)
	}
	w.keepOwn()
	if _, err := d.TryLock(Logger); !statedir.IsLocked(err) || displaced {
		t.Errorf("after a look: %v, displaced: %t", err, displaced)
	}
	if err := os.Remove(d.LockFile(Logger)); err != nil {
		t.Fatal(err)
	}
	other, err := d.TryLock(Logger)
	if err != nil {
		t.Fatal(err)
	}
	w.keepOwn()
	if !displaced {
		t.Error("two helpers are at work")
	}
	if err := errors.Join(own.Unlock(), other.Unlock()); err != nil {
		t.Error(err)
	}
}

func TestFind(t *testing.T) {
	d := statedir.Dirs{Root: t.TempDir(), State: t.TempDir()}
	if h, ok := Find(d, "x"); ok {
		t.Fatalf("found %v without a lock", h)
	}
	l, err := d.TryLock("x")
	if err != nil {
		t.Fatal(err)
	}
	if h, ok := Find(d, "x"); !ok || h.PID != os.Getpid() || h.Stopped() {
		t.Errorf("found %v %t, want this process, running", h, ok)
	}
	content, err := os.ReadFile(filepath.Join(d.State, "locks", "x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	// A file that a dead process left, whose ID is in use again.
	if err := statedir.WriteFile(filepath.Join(d.State, "locks", "x"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	if h, ok := Find(d, "x"); ok {
		t.Errorf("found %v, which holds nothing", h)
	}
}
