package dns

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/netutil"
	"golang.org/x/sys/unix"
)

const (
	manyConns = 64 // TCP connections of one network at once; more have to wait
	farewell  = time.Second
)

// listener answers at one socket.
type listener struct{ servers []*dns.Server }

func listen(ctx context.Context, k Socket, h dns.Handler) (*listener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return bindTo(c, k.Device) }}
	packets, err := lc.ListenPacket(ctx, "udp", k.Address.String())
	if err != nil {
		return nil, err
	}
	at := packets.LocalAddr().String() // the same for both, if the port was left open
	streams, err := lc.Listen(ctx, "tcp", at)
	if err != nil {
		return nil, errors.Join(err, packets.Close())
	}
	l := &listener{servers: []*dns.Server{
		{PacketConn: packets, Handler: h, UDPSize: largest},
		{Listener: netutil.LimitListener(streams, manyConns), Handler: h},
	}}
	for _, s := range l.servers {
		if err := serve(s); err != nil {
			l.close()
			return nil, errors.Join(err, packets.Close(), streams.Close())
		}
	}
	return l, nil
}

// serve lets a server work, until it is shut down.
func serve(s *dns.Server) error {
	started, ended := make(chan struct{}), make(chan error, 1)
	s.NotifyStartedFunc = func() { close(started) }
	go func() { ended <- s.ActivateAndServe() }()
	select {
	case <-started:
		return nil
	case err := <-ended:
		return err
	}
}

// bindTo makes a socket take only what comes by a link: not what others send to
// its address by another one, as a neighbour who takes this host for a router.
func bindTo(c syscall.RawConn, device string) error {
	if device == "" {
		return nil
	}
	var err error
	cerr := c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), device) })
	return errors.Join(cerr, err)
}

func (l *listener) close() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	for _, s := range l.servers {
		_ = s.ShutdownContext(ctx) // the socket is closed, whatever is still being answered
	}
}

// address is where it answers over UDP.
func (l *listener) address() net.Addr { return l.servers[0].PacketConn.LocalAddr() }
