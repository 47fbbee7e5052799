package fileevents

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestNobodyTakesErrors: errors that nobody asks for keep neither Add nor Close waiting,
// and are told of once.
func TestNobodyTakesErrors(t *testing.T) {
	w, err := New()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		for range 10 {
			w.Errors <- errors.New("lost")
		}
		ended <- errors.Join(w.Add(t.TempDir()), w.Close(), w.Close())
	}()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it hangs")
	}
	select {
	case <-w.Lost():
	default:
		t.Error("nothing is said of errors")
	}
	select {
	case <-w.Lost():
		t.Error("ten errors are told of twice")
	default:
	}
}

// TestEvents: they come as those of fsnotify do.
func TestEvents(t *testing.T) {
	w, err := New()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	if err := errors.Join(w.Add(dir), os.WriteFile(name, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	select {
	case e := <-w.Events:
		if e.Name != name {
			t.Errorf("an event of %s, want %s", e.Name, name)
		}
	case <-time.After(10 * time.Second):
		t.Error("no event")
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
