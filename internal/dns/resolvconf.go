package dns

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"sync"
)

// PathVariable names the environment variable with the path of a resolv.conf
// that stands in for the machine's own.
const PathVariable = "STACKUP_RESOLV_CONF"

const (
	machinePath  = "/etc/resolv.conf"
	resolvedPath = "/run/systemd/resolve/resolv.conf" // the real resolvers behind systemd's local stub
)

// ReachableConf is the machine's resolv.conf with resolvers that others may
// reach, too, where there is such a one. No such file is an empty one.
func ReachableConf() ([]byte, error) {
	b, err := os.ReadFile(resolvedPath)
	if own := os.Getenv(PathVariable); own != "" {
		b, err = os.ReadFile(own)
	} else if errors.Is(err, fs.ErrNotExist) {
		b, err = os.ReadFile(machinePath)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return b, nil
}

// MachineConf is the path of the resolv.conf that this machine itself goes by.
// The resolvers that it names may listen on loopback: whoever asks them runs
// on this machine.
func MachineConf() string {
	if own := os.Getenv(PathVariable); own != "" {
		return own
	}
	return machinePath
}

// conf reads a resolv.conf again when it is another file, or has been changed.
type conf struct {
	path string

	mu      sync.Mutex
	file    fs.FileInfo // as it was when it was read
	servers []netip.Addr
}

// get gives the resolvers in their order. None, or no file, is the resolver of
// this machine (resolv.conf(5)).
func (c *conf) get() []netip.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	file, err := os.Stat(c.path)
	if err != nil {
		return c.servers // it may be just being replaced
	}
	if c.file != nil && os.SameFile(c.file, file) && c.file.ModTime().Equal(file.ModTime()) && c.file.Size() == file.Size() {
		return c.servers
	}
	if b, err := os.ReadFile(c.path); err == nil {
		c.file, c.servers = file, nameservers(b)
	}
	return c.servers
}

func nameservers(text []byte) []netip.Addr {
	var out []netip.Addr
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(f[1]); err == nil {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		out = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	return out
}
