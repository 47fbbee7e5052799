package ctrd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/statedir"
)

// Intent: a shim that opens a container's streams and ends at once, as the one
// that a new container just misses does, leaves them to the next shim.
func TestStreamsOutliveAShim(t *testing.T) {
	dir := t.TempDir()
	e := &Engine{Config: Config{Dirs: statedir.Dirs{Root: dir, State: dir}}}
	var out bytes.Buffer
	streams := newExecIO(inspect.Process{Stdout: &out})
	attached, io, err := e.attachedIO("x", inspect.Process{}, streams)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "said"} {
		f, err := os.OpenFile(io.stdout, os.O_WRONLY|unix.O_NONBLOCK, 0) // fails where nobody reads
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if text == "" {
			time.Sleep(50 * time.Millisecond) // for the end to be read, were it one
		}
	}
	if err := io.hold.Close(); err != nil {
		t.Fatal(err)
	}
	attached.Wait()
	if out.String() != "said" {
		t.Errorf("passed on %q", out.String())
	}
	if err := attached.Close(); err != nil {
		t.Error(err)
	}
}

// TestStreamsAreOpenBeforeAnybodyComes: a process and its shim may have had their
// say at once.
func TestStreamsAreOpenBeforeAnybodyComes(t *testing.T) {
	dir := t.TempDir()
	e := &Engine{Config: Config{Dirs: statedir.Dirs{Root: dir, State: dir}}}
	for range 50 {
		var out bytes.Buffer
		attached, io, err := e.attachedIO("x", inspect.Process{}, newExecIO(inspect.Process{Stdout: &out}))
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(io.stdout, os.O_WRONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteString("said")
		if err := errors.Join(err, f.Close(), io.hold.Close()); err != nil {
			t.Fatal(err)
		}
		attached.Wait()
		if err := attached.Close(); err != nil || out.String() != "said" {
			t.Fatalf("passed on %q, %v", out.String(), err)
		}
	}
}

// TestFailedStartFreesALateShim: a shim that has looked a FIFO up when the command gives
// up the start opens it all the same, and does not wait for a reader that never comes.
func TestFailedStartFreesALateShim(t *testing.T) {
	dir := t.TempDir()
	streams, hold, err := newHeldIO(dir, "exec-x", false, newExecIO(inspect.Process{Stdout: io.Discard}))
	fatal(t, err)
	looked, err := os.OpenFile(streams.Config().Stdout, unix.O_PATH, 0)
	fatal(t, err)
	streams.Cancel() // as the client does where the engine goes away during the start
	streams.Wait()
	fatal(t, streams.Close())
	opened := make(chan error, 1)
	go func() {
		f, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", looked.Fd()), os.O_WRONLY, 0)
		if err == nil {
			err = f.Close()
		}
		opened <- err
	}()
	select {
	case err := <-opened:
		fatal(t, err)
	case <-time.After(time.Minute):
		t.Fatal("it waits for a reader")
	}
	fatal(t, errors.Join(hold.Close(), looked.Close()))
}
