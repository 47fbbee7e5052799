package relay

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// quiet is how long a client of UDP is remembered after its last packet or
	// answer: what the kernel does for a flow that was answered (nf_conntrack's
	// udp_timeout_stream).
	quiet = 120 * time.Second
	// most bounds the clients that are remembered at once.
	most = 1024
	// largest is the longest payload of a UDP packet.
	largest = 65535
)

// flows are the clients of one UDP relay, each with a socket of its own towards
// the target, so that answers find their way back.
type flows struct {
	front *net.UDPConn
	to    *target

	mu sync.Mutex
	of map[netip.AddrPort]*flow
}

type flow struct {
	back *net.UDPConn
	to   netip.AddrPort
}

func serveUDP(at netip.AddrPort, to *target) (io.Closer, error) {
	front, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	f := &flows{front: front, to: to, of: map[netip.AddrPort]*flow{}}
	go f.run()
	return f, nil
}

func (f *flows) run() {
	packet := make([]byte, largest)
	for {
		n, client, err := f.front.ReadFromUDPAddrPort(packet)
		if err != nil {
			return // closed
		}
		if w := f.flow(client); w != nil {
			_ = w.back.SetReadDeadline(time.Now().Add(quiet))
			_, _ = w.back.Write(packet[:n]) // UDP promises nothing
		}
	}
}

// flow finds a client's, or makes one; nil if there are too many. A client of
// a target that is no longer the one begins anew.
func (f *flows) flow(client netip.AddrPort) *flow {
	f.mu.Lock()
	defer f.mu.Unlock()
	to := *f.to.Load()
	w := f.of[client]
	if w != nil && w.to == to {
		return w
	}
	if w != nil {
		_ = w.back.Close()
	} else if len(f.of) >= most {
		return nil
	}
	back, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		delete(f.of, client)
		return nil
	}
	w = &flow{back, to}
	f.of[client] = w
	go f.answer(client, w)
	return w
}

// answer brings a client its answers until there are none for long enough. A
// port that refuses is no end of it: the container may only be starting.
func (f *flows) answer(client netip.AddrPort, w *flow) {
	packet := make([]byte, largest)
	for {
		n, err := w.back.Read(packet)
		if err != nil && !errors.Is(err, unix.ECONNREFUSED) {
			break
		}
		if err == nil {
			_ = w.back.SetReadDeadline(time.Now().Add(quiet))
			_, _ = f.front.WriteToUDPAddrPort(packet[:n], client)
		}
	}
	_ = w.back.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of[client] == w {
		delete(f.of, client)
	}
}

// Close ends the relay with all its flows.
func (f *flows) Close() error {
	err := f.front.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.of {
		_ = w.back.Close()
	}
	return err
}
