package ctrd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
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
	if err := io.letGo(); err != nil {
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
		if err := errors.Join(err, f.Close(), io.letGo()); err != nil {
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
	streams, err := newHeldIO(dir, "exec-x", false, newExecIO(inspect.Process{Stdout: io.Discard}))
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
	fatal(t, errors.Join(streams.release(), looked.Close()))
}

// Intent: a shim answers that a process runs before it has opened its input. What
// the input has, and that it ends, reaches it all the same, however late it comes.
func TestInputWaitsForTheShim(t *testing.T) {
	for name, input := range map[string]string{"nothing": "", "a line": "hello\n", "more than a FIFO takes": strings.Repeat("y", 1<<20)} {
		t.Run(name, func(t *testing.T) {
			x := newExecIO(inspect.Process{Stdin: strings.NewReader(input)})
			streams, err := newHeldIO(t.TempDir(), "exec-x", false, x)
			fatal(t, err)
			early, err := os.Open(streams.Config().Stdin) // of a shim that then ends
			fatal(t, err)
			fatal(t, errors.Join(early.Close(), streams.release()))
			select {
			case <-x.eof:
				t.Error("the end is told before anybody has read it")
			case <-time.After(20 * time.Millisecond): // too short shows too little, and never a fault
			}
			late, err := os.Open(streams.Config().Stdin)
			fatal(t, err)
			got, err := io.ReadAll(late)
			if err != nil || string(got) != input {
				t.Errorf("%d bytes came, want %d: %v", len(got), len(input), err)
			}
			<-x.eof
			streams.Cancel()
			fatal(t, errors.Join(late.Close(), streams.Close()))
		})
	}
}

// TestInputOfAFailedStartStays: nobody reads what belongs to the next command.
func TestInputOfAFailedStartStays(t *testing.T) {
	in := strings.NewReader("hello")
	streams, err := newHeldIO(t.TempDir(), "exec-x", false, newExecIO(inspect.Process{Stdin: in}))
	fatal(t, err)
	streams.Cancel()
	fatal(t, errors.Join(streams.release(), streams.Close()))
	if in.Len() != len("hello") {
		t.Errorf("%d bytes are left", in.Len())
	}
}

// TestInputIsCancelled: a process that has ended without reading, and a shim that
// never comes, leave nobody writing.
func TestInputIsCancelled(t *testing.T) {
	for name, comes := range map[string]bool{"it reads one byte": true, "nobody comes": false} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "stdin")
			fatal(t, unix.Mkfifo(path, 0o600))
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				passIn(ctx, path, newExecIO(inspect.Process{Stdin: strings.NewReader(strings.Repeat("y", 1<<20))}))
				close(done)
			}()
			if comes {
				f, err := os.Open(path)
				fatal(t, err)
				defer f.Close()
				_, err = io.ReadFull(f, make([]byte, 1))
				fatal(t, err)
			}
			cancel()
			<-done
		})
	}
}
