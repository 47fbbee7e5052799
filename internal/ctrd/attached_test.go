package ctrd

import (
	"bytes"
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
