package relay

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// echo is a server that answers everything with its name before it, and for TCP
// only when its client has said that it is done.
func echo(t *testing.T, name string) (tcp, udp netip.AddrPort) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(t, err)
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	fatal(t, err)
	t.Cleanup(func() { _ = l.Close(); _ = p.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				said, _ := io.ReadAll(c)
				_, _ = io.WriteString(c, name+string(said))
				_ = c.Close()
			}()
		}
	}()
	go func() {
		b := make([]byte, largest)
		for {
			n, from, err := p.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = p.WriteTo(append([]byte(name), b[:n]...), from)
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort(), p.LocalAddr().(*net.UDPAddr).AddrPort()
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func free(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "[::1]:0")
	fatal(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func say(t *testing.T, at netip.AddrPort, what string) string {
	t.Helper()
	c, err := net.Dial("tcp", at.String())
	fatal(t, err)
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	_, err = io.WriteString(c, what)
	fatal(t, err)
	fatal(t, c.(*net.TCPConn).CloseWrite())
	b, err := io.ReadAll(c)
	fatal(t, err)
	return string(b)
}

func send(t *testing.T, c net.Conn, what string) string {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	_, err := io.WriteString(c, what)
	fatal(t, err)
	b := make([]byte, largest)
	n, err := c.Read(b)
	fatal(t, err)
	return string(b[:n])
}

// TestRelays: what is said at ::1 arrives, ends of either side too, and the
// next target has what comes after it; a client of UDP keeps its socket.
func TestRelays(t *testing.T) {
	oneTCP, oneUDP := echo(t, "one ")
	twoTCP, twoUDP := echo(t, "two ")
	at := free(t)
	var s Set
	defer func() { fatal(t, s.Close()) }()
	fatal(t, s.Set([]Relay{{"tcp", at, oneTCP}, {"udp", at, oneUDP}}))
	c, err := net.Dial("udp", at.String())
	fatal(t, err)
	defer func() { _ = c.Close() }()
	long := strings.Repeat("x", 1<<20)
	if got := say(t, at, long); got != "one "+long {
		t.Errorf("%d bytes, want %d", len(got), len(long)+4)
	}
	if got := send(t, c, "a"); got != "one a" {
		t.Errorf("udp: %q", got)
	}
	fatal(t, s.Set([]Relay{{"tcp", at, twoTCP}, {"udp", at, twoUDP}}))
	if got := say(t, at, "b"); got != "two b" {
		t.Errorf("after the change: %q", got)
	}
	if got := send(t, c, "b"); got != "two b" {
		t.Errorf("udp after the change: %q", got)
	}
	fatal(t, s.Set(nil))
	if c, err := net.Dial("tcp", at.String()); err == nil {
		_ = c.Close()
		t.Error("a relay that is gone still listens")
	}
}

// TestTakenAddress: one address that is taken is told and no obstacle to others.
func TestTakenAddress(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	fatal(t, err)
	defer func() { _ = l.Close() }()
	taken := l.Addr().(*net.TCPAddr).AddrPort()
	tcp, _ := echo(t, "one ")
	at := free(t)
	var s Set
	defer func() { _ = s.Close() }()
	if err := s.Set([]Relay{{"tcp", taken, tcp}, {"tcp", at, tcp}, {"sctp", at, tcp}}); err == nil || !strings.Contains(err.Error(), taken.String()) || !strings.Contains(err.Error(), "sctp") {
		t.Errorf("error %v", err)
	}
	if got := say(t, at, "b"); got != "one b" {
		t.Errorf("the other one: %q", got)
	}
}

// TestNobodyBehind: a client of a target that refuses is not left waiting.
func TestNobodyBehind(t *testing.T) {
	at, nobody := free(t), free(t)
	var s Set
	defer func() { _ = s.Close() }()
	fatal(t, s.Set([]Relay{{"tcp", at, nobody}}))
	c, err := net.Dial("tcp", at.String())
	if err == nil {
		defer func() { _ = c.Close() }()
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		_, err = c.Read(make([]byte, 1))
	}
	if !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("error %v, want a reset", err)
	}
}
