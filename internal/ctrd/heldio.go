package ctrd

import (
	"errors"
	"io"
	"os"
	"sync"

	"github.com/containerd/containerd/v2/pkg/cio"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/logs"
)

// heldIO passes on the streams of a task. Unlike what containerd's client makes,
// it has its ends of the FIFOs open before anybody else comes: one that is opened
// in the background may come when the process and its shim have had their say.
type heldIO struct {
	fifos *cio.FIFOSet
	ends  []*os.File
	out   sync.WaitGroup
}

var _ cio.IO = (*heldIO)(nil)

// newHeldIO makes FIFOs in a folder below root. hold keeps them open whoever comes
// and goes, until it is closed.
func newHeldIO(root, id string, terminal bool, x *execIO) (h *heldIO, hold logs.Held, err error) {
	h = &heldIO{}
	if h.fifos, err = cio.NewFIFOSetInDir(root, id, terminal); err != nil {
		return nil, nil, err
	}
	if hold, err = h.open(x); err != nil {
		h.Cancel()
		return nil, nil, errors.Join(err, hold.Close(), h.Close())
	}
	return h, hold, nil
}

func (h *heldIO) open(x *execIO) (hold logs.Held, err error) {
	c := &h.fifos.Config
	if x.stdin == nil {
		c.Stdin = ""
	}
	if x.stdout == nil {
		c.Stdout = ""
	}
	if x.stderr == nil || c.Terminal {
		c.Stderr = ""
	}
	for _, path := range []string{c.Stdin, c.Stdout, c.Stderr} {
		if path != "" {
			err = errors.Join(err, unix.Mkfifo(path, 0o600))
		}
	}
	if err != nil {
		return nil, err
	}
	if hold, err = logs.Hold(c.Stdin, c.Stdout, c.Stderr); err != nil {
		return nil, err
	}
	return hold, errors.Join(h.passIn(c.Stdin, x.stdin), h.passOut(c.Stdout, x.stdout), h.passOut(c.Stderr, x.stderr))
}

// end opens our end of a FIFO, which is held: that blocks no more.
func (h *heldIO) end(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err == nil {
		h.ends = append(h.ends, f)
	}
	return f, err
}

func (h *heldIO) passIn(path string, from io.Reader) error {
	if path == "" {
		return nil
	}
	f, err := h.end(path, os.O_WRONLY)
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(f, from) // the process may have closed it
		_ = f.Close()
	}()
	return nil
}

func (h *heldIO) passOut(path string, to io.Writer) error {
	if path == "" {
		return nil
	}
	f, err := h.end(path, os.O_RDONLY)
	if err != nil {
		return err
	}
	h.out.Go(func() {
		_, _ = io.Copy(to, f) // who reads what is passed on may have gone
		_ = f.Close()
	})
	return nil
}

// Config has the FIFOs' paths.
func (h *heldIO) Config() cio.Config { return h.fifos.Config }

// Wait returns when all output is passed on.
func (h *heldIO) Wait() { h.out.Wait() }

// Cancel ends the passing on.
func (h *heldIO) Cancel() {
	for _, f := range h.ends {
		_ = f.Close() // it may have ended by itself
	}
}

// Close takes the FIFOs away.
func (h *heldIO) Close() error { return h.fifos.Close() }
