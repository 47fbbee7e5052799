package ports

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Proc is where the kernel shows its processes and sockets: "/proc".
type Proc string

// Sockets reads every socket that takes a host port, IPv4 and IPv6, in the
// network namespace of the calling thread; /proc/net would be that of the
// process's first thread. A table that the kernel lacks (no IPv6) is no error.
func (p Proc) Sockets() ([]Socket, error) {
	var out []Socket
	for _, name := range []string{"tcp", "tcp6", "udp", "udp6"} {
		f, err := os.Open(filepath.Join(string(p), "thread-self", "net", name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s, err := Parse(f, strings.TrimSuffix(name, "6"))
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", f.Name(), err)
		}
		out = append(out, s...)
	}
	return out, nil
}

// Holders finds the processes of sockets by their inodes, in one walk over
// all processes: "nginx (pid 12)". A socket without a process (the kernel's
// own, or of a process that just ended) is missing from the answer.
func (p Proc) Holders(ctx context.Context, inodes map[uint64]bool) (map[uint64]string, error) {
	out := map[uint64]string{}
	dirs, err := os.ReadDir(string(p))
	if err != nil {
		return nil, err
	}
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		if len(out) == len(inodes) {
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p.holdings(pid, inodes, out)
	}
	return out, nil
}

// holdings adds what one process holds. A process that ends meanwhile, or that
// we may not look into, holds nothing. The first process wins: workers share
// the socket of their parent, which has the lower pid.
func (p Proc) holdings(pid int, inodes map[uint64]bool, out map[uint64]string) {
	dir := filepath.Join(string(p), strconv.Itoa(pid))
	fds, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		return
	}
	for _, fd := range fds {
		link, err := os.Readlink(filepath.Join(dir, "fd", fd.Name()))
		if err != nil {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(link, "socket:["), "]"), 10, 64)
		if err != nil || !inodes[n] || out[n] != "" {
			continue
		}
		out[n] = fmt.Sprintf("%s (pid %d)", command(dir), pid)
	}
}

func command(dir string) string {
	b, err := os.ReadFile(filepath.Join(dir, "comm"))
	if err != nil {
		return "process"
	}
	return strings.TrimSpace(string(b))
}
