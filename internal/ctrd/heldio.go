package ctrd

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/fifo"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/logs"
)

// heldIO passes on the streams of a task. Unlike what containerd's client makes,
// it has its ends of the output FIFOs open before anybody else comes: one that is
// opened in the background may come when the process and its shim have had their say.
type heldIO struct {
	fifos  *cio.FIFOSet
	ends   []*os.File
	out    sync.WaitGroup
	cancel context.CancelFunc
	// release lets go of the FIFOs, which are held until then whoever comes and goes,
	// and begins to pass the input on. It may be called again, which does nothing.
	release func() error
}

var _ cio.IO = (*heldIO)(nil)

// newHeldIO makes FIFOs in a folder below root. The caller calls release in any
// case: once the shim that runs the process has answered, or after Cancel.
func newHeldIO(root, id string, terminal bool, x *execIO) (h *heldIO, err error) {
	h = &heldIO{}
	if h.fifos, err = cio.NewFIFOSetInDir(root, id, terminal); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel = cancel
	hold, err := h.open(x)
	if err != nil {
		h.Cancel()
		return nil, errors.Join(err, hold.Close(), h.Close())
	}
	h.release = sync.OnceValue(func() error {
		err := hold.Close() // first: we count as a reader of the input too
		if stdin := h.fifos.Stdin; stdin != "" {
			go passIn(ctx, stdin, x)
		}
		return err
	})
	return h, nil
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
	return hold, errors.Join(h.passOut(c.Stdout, x.stdout), h.passOut(c.Stderr, x.stderr))
}

// passIn waits until the shim reads the FIFO, which it may begin only after it has
// answered; then it passes the input on. Nothing is written, and no end is told,
// before: what is in a FIFO that nobody has open is lost, and a shim that comes to
// one that has lost its writers waits for another for ever.
func passIn(ctx context.Context, path string, x *execIO) {
	f, err := fifo.OpenFifo(ctx, path, unix.O_WRONLY, 0)
	if err != nil {
		return // cancelled
	}
	stop := context.AfterFunc(ctx, func() { _ = f.Close() })
	defer stop()
	_, _ = io.Copy(f, x.stdin) // the process may have closed it
	_ = f.Close()
	close(x.eof)
}

func (h *heldIO) passOut(path string, to io.Writer) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	h.ends = append(h.ends, f)
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
	h.cancel()
	for _, f := range h.ends {
		_ = f.Close() // it may have ended by itself
	}
}

// Close takes the FIFOs away.
func (h *heldIO) Close() error { return h.fifos.Close() }
