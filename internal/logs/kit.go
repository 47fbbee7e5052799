package logs

import (
	"errors"

	"golang.org/x/sys/unix"
)

// kit is what it takes to drain a FIFO. Idle containers need none, so a few
// are shared by all.
type kit struct {
	r, w int    // a pipe to peek through
	raw  []byte // what was peeked
	out  []byte // records made of it, and then a place for what is thrown away
}

const peekSize = 256 << 10

func newKit() (*kit, error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	_, _ = unix.FcntlInt(uintptr(p[0]), unix.F_SETPIPE_SZ, peekSize)
	return &kit{r: p[0], w: p[1], raw: make([]byte, peekSize), out: make([]byte, 0, maxBatch+2*MaxText)}, nil
}

func (k *kit) close() {
	_ = unix.Close(k.r)
	_ = unix.Close(k.w)
}

// peek copies the head of a FIFO into k.raw and leaves the FIFO as it is.
// Nothing there is no error. After an error the kit must not be used again.
func (k *kit) peek(fifo int) ([]byte, error) {
	n, err := again(func() (int, error) {
		n, err := unix.Tee(fifo, k.w, len(k.raw), unix.SPLICE_F_NONBLOCK)
		return int(n), err
	})
	if errors.Is(err, unix.EAGAIN) {
		return nil, nil
	}
	for have := 0; err == nil && have < n; {
		var m int
		m, err = again(func() (int, error) { return unix.Read(k.r, k.raw[have:n]) })
		have += m
	}
	if err != nil {
		return nil, err
	}
	return k.raw[:n], nil
}

// discard takes n bytes, peeked before, out of a FIFO.
func (k *kit) discard(fifo, n int) error {
	bin := k.out[:cap(k.out)]
	for n > 0 {
		m, err := again(func() (int, error) { return unix.Read(fifo, bin[:min(n, len(bin))]) })
		if err != nil {
			return err
		}
		n -= m
	}
	return nil
}

// again repeats a call that a signal interrupted.
func again(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}

// kits is a small stock of kits.
type kits struct{ free chan *kit }

func newKits(stock int) *kits { return &kits{free: make(chan *kit, stock)} }

func (s *kits) get() (*kit, error) {
	select {
	case k := <-s.free:
		return k, nil
	default:
		return newKit()
	}
}

func (s *kits) put(k *kit) {
	select {
	case s.free <- k:
	default:
		k.close()
	}
}

// shrink gives one kit back to the system and says whether there was one.
func (s *kits) shrink() bool {
	select {
	case k := <-s.free:
		k.close()
		return true
	default:
		return false
	}
}
