// Package ports knows which host ports are taken, and chooses free ones.
package ports

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Socket is a host socket that takes a port: a listening TCP socket or an
// unconnected UDP one.
type Socket struct {
	Address  netip.Addr // unspecified (0.0.0.0 or ::) for all
	Port     uint16
	Protocol string // tcp or udp
	Inode    uint64 // by which its process is found; 0 if the kernel owns it
}

// The socket states of /proc/net/tcp and udp that take a port (kernel:
// include/net/tcp_states.h). An unconnected UDP socket is "closed"; a
// connected one is a client's and blocks nothing.
const (
	stateListen      = "0A"
	stateUnconnected = "07"
)

// Parse reads a file in the form of /proc/net/tcp, tcp6, udp or udp6
// (proc_net_tcp.txt of the kernel). protocol is tcp or udp.
func Parse(r io.Reader, protocol string) ([]Socket, error) {
	want := stateListen
	if protocol == "udp" {
		want = stateUnconnected
	}
	var out []Socket
	lines := bufio.NewScanner(r)
	lines.Scan() // the heading
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 10 || f[3] != want {
			continue
		}
		s, err := parseSocket(f[1], f[9], protocol)
		if err != nil {
			return nil, fmt.Errorf("line %q: %w", lines.Text(), err)
		}
		if s.Port != 0 {
			out = append(out, s)
		}
	}
	return out, lines.Err()
}

func parseSocket(local, inode, protocol string) (Socket, error) {
	host, port, ok := strings.Cut(local, ":")
	if !ok {
		return Socket{}, fmt.Errorf("address %q has no port", local)
	}
	a, err := parseAddr(host)
	if err != nil {
		return Socket{}, err
	}
	p, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return Socket{}, err
	}
	n, err := strconv.ParseUint(inode, 10, 64)
	if err != nil {
		return Socket{}, err
	}
	return Socket{Address: a, Port: uint16(p), Protocol: protocol, Inode: n}, nil
}

// parseAddr reads an address as the kernel prints it: 32-bit words, each in
// host byte order, which on every machine we build for is little-endian.
func parseAddr(s string) (netip.Addr, error) {
	b, err := hex.DecodeString(s)
	if err != nil {
		return netip.Addr{}, err
	}
	for word := range slices.Chunk(b, 4) {
		slices.Reverse(word)
	}
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		return netip.Addr{}, fmt.Errorf("address %q has %d bytes", s, len(b))
	}
	return a.Unmap(), nil
}
