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
	for _, a := range p.HostIPs() {
		if !free(p, a) {
			return false
		}
	}
	return true
}

func free(p Published, ip netip.Addr) bool {
	kind := unix.SOCK_STREAM
	if p.Protocol == "udp" {
		kind = unix.SOCK_DGRAM
	}
	family := unix.AF_INET
	if ip.Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	if kind == unix.SOCK_STREAM { // else ports of connections that just ended would seem taken
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return false
		}
	}
	if ip.Is4() {
		return unix.Bind(fd, &unix.SockaddrInet4{Port: int(p.HostPort), Addr: ip.As4()}) == nil
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
		return false
	}
	return unix.Bind(fd, &unix.SockaddrInet6{Port: int(p.HostPort), Addr: ip.As16()}) == nil
}
