package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	quietTime = 200 * time.Millisecond // after this an unfinished line is shown
	oldTime   = time.Second            // after this too, however busy the writer
	retryTime = time.Second            // between tries to write a marker
	pauseTime = 2 * time.Millisecond   // lets small writes gather
	smallRead = 32 << 10
)

// drain moves the output of one FIFO into a Writer.
type drain struct {
	fifo   *os.File
	fd     int
	conn   syscall.RawConn
	stream Stream
	w      *Writer
	kits   *kits
	note   intent

	waiting      int // bytes at the head of the FIFO that are an unfinished line
	first, grown time.Time
	inDebt       bool // a marker is outstanding
}

func openDrain(path string, s Stream, w *Writer, k *kits) (*drain, error) {
	f, err := openFIFO(path)
	if err != nil {
		return nil, err
	}
	d := &drain{fifo: f, stream: s, w: w, kits: k}
	if d.conn, err = f.SyscallConn(); err == nil {
		d.fd, err = fdOf(f)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	d.note, _ = openIntent(path) // works without
	return d, nil
}

func (d *drain) close() {
	_ = d.fifo.Close()
	d.note.close()
}

// recover takes out of the FIFO what a killed collector had stored already.
func (d *drain) recover() error {
	m, ok := d.note.read()
	if !ok {
		return nil
	}
	k, err := d.kits.get()
	if err != nil {
		return err
	}
	raw := rawAt(d.w.dir, m, d.stream)
	head, err := k.peek(d.fd)
	if err == nil && len(raw) > 0 && bytes.HasPrefix(head, raw) {
		err = k.discard(d.fd, len(raw))
	}
	d.give(k, err)
	d.note.end()
	return err
}

// run drains until ctx ends, and then once more what is there. last says
// whether that is the end of the FIFO; if not, an unfinished line stays in it
// for the next collector.
func (d *drain) run(ctx context.Context, last func() bool) error {
	stop := context.AfterFunc(ctx, func() { _ = d.fifo.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for ctx.Err() == nil {
		n, err := d.wait(ctx)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if ctx.Err() != nil {
			break
		}
		if err := d.step(err != nil); err != nil {
			return err
		}
		if n < smallRead {
			pause(ctx)
		}
	}
	return d.finish(last())
}

// wait returns the number of bytes in the FIFO once there are more than the
// unfinished line that is known, or os.ErrDeadlineExceeded when it is time to
// do something about that line or an outstanding marker.
func (d *drain) wait(ctx context.Context) (int, error) {
	_ = d.fifo.SetReadDeadline(d.deadline())
	if ctx.Err() != nil { // ended just before the line above undid its work
		return 0, os.ErrDeadlineExceeded
	}
	var n int
	var ioErr error
	err := d.conn.Read(func(fd uintptr) bool {
		n, ioErr = unix.IoctlGetInt(int(fd), unix.TIOCINQ) // FIONREAD
		return ioErr != nil || n > d.waiting
	})
	return n, errors.Join(err, ioErr)
}

func (d *drain) deadline() time.Time {
	switch {
	case d.waiting > 0 && d.grown.Add(quietTime).Before(d.first.Add(oldTime)):
		return d.grown.Add(quietTime)
	case d.waiting > 0:
		return d.first.Add(oldTime)
	case d.inDebt:
		return time.Now().Add(retryTime)
	default:
		return time.Time{}
	}
}

// step stores what is in the FIFO; timedOut says that nothing new came.
func (d *drain) step(timedOut bool) error {
	if timedOut && d.waiting == 0 {
		d.inDebt = d.w.retry()
		return nil
	}
	now := time.Now()
	flush := d.waiting > 0 && (now.Sub(d.grown) >= quietTime || now.Sub(d.first) >= oldTime)
	k, err := d.kits.get()
	if err != nil {
		return err
	}
	took, left, err := d.store(k, flush)
	d.give(k, err)
	switch {
	case took > 0 || d.waiting == 0: // the unfinished line is a new one
		d.first, d.grown = now, now
	case left > d.waiting:
		d.grown = now
	}
	d.waiting = left
	d.inDebt = d.w.owes()
	return err
}

// store peeks once and stores all lines seen; it returns how many bytes it
// took, and the length of the unfinished line at the end. Bytes leave the FIFO
// only once they are written.
func (d *drain) store(k *kit, flush bool) (took, left int, err error) {
	raw, err := k.peek(d.fd)
	for err == nil && len(raw) > 0 {
		n := d.w.add(d.stream, raw, k.out, flush, d.note.begin)
		if n == 0 {
			break
		}
		if err = k.discard(d.fd, n); err == nil {
			d.note.end()
			raw, took = raw[n:], took+n
		}
	}
	return took, len(raw), err
}

// finish stores what is in the FIFO now, without waiting and without letting
// a busy writer hold it up for ever.
func (d *drain) finish(last bool) error {
	k, err := d.kits.get()
	if err != nil {
		return err
	}
	for range 2 * pipeSize / peekSize {
		var n int
		n, err = unix.IoctlGetInt(d.fd, unix.TIOCINQ)
		if err != nil || n == 0 {
			break
		}
		if _, d.waiting, err = d.store(k, last); err != nil || d.waiting >= n {
			break
		}
	}
	d.give(k, err)
	return err
}

// give puts a kit back, unless an error left it in an unknown state.
func (d *drain) give(k *kit, err error) {
	if err != nil {
		k.close()
		return
	}
	d.kits.put(k)
}

func pause(ctx context.Context) {
	t := time.NewTimer(pauseTime)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// cutLine splits b after its first newline.
func cutLine(b []byte) (line, rest []byte, ok bool) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return nil, b, false
	}
	return b[:i+1], b[i+1:], true
}
