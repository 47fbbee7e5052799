package ports

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Free says whether a host could listen on a published port right now, by
// binding to it for a moment. It costs microseconds, where the kernel's socket
// tables take milliseconds to read. A false may also mean a connected UDP
// client that happens to have the port, or an address that the host lacks:
// the tables then tell.
func Free(p Published) bool {
	kind := unix.SOCK_STREAM
	if p.Protocol == "udp" {
		kind = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	if kind == unix.SOCK_STREAM { // else ports of connections that just ended would seem taken
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return false
		}
	}
	at := unix.SockaddrInet4{Port: int(p.HostPort)}
	if ip := addr(p.HostIP); ip.Is4() {
		at.Addr = ip.As4()
	} else if ip.IsValid() {
		at.Addr = netip.IPv4Unspecified().As4()
	}
	return unix.Bind(fd, &at) == nil
}
