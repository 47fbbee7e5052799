package relay

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// dialTime bounds how long a client waits for a container that does not answer.
const dialTime = 10 * time.Second

func serveTCP(at netip.AddrPort, to *target) (io.Closer, error) {
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			c, err := l.AcceptTCP()
			if err != nil {
				return // closed
			}
			go join(c, *to.Load())
		}
	}()
	return l, nil
}

// join carries both directions until both have ended. A client whose target
// refuses is reset, as by a closed port.
func join(client *net.TCPConn, to netip.AddrPort) {
	defer func() { _ = client.Close() }()
	c, err := net.DialTimeout("tcp", to.String(), dialTime)
	if err != nil {
		_ = client.SetLinger(0)
		return
	}
	server := c.(*net.TCPConn)
	defer func() { _ = server.Close() }()
	var both sync.WaitGroup
	both.Go(func() { carry(server, client) })
	both.Go(func() { carry(client, server) })
	both.Wait()
}

// carry copies until the source says that it is done, and tells the other so.
// If that fails, nothing more comes of either direction.
func carry(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		_ = from.Close()
		_ = to.Close()
		return
	}
	_ = to.CloseWrite()
}
