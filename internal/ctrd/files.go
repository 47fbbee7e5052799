package ctrd

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/logs"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/spec"
)

// attach gives a container its network; in the host's there is nothing to
// attach, and its names are the host's. So it is with another container's.
func (e *Engine) attach(ctx context.Context, id string, s *spec.Service) error {
	if ownNetwork(s) {
		return e.Network.Attach(ctx, id)
	}
	if s.NetworkMode.Of() != "" {
		return nil
	}
	names, err := os.ReadFile("/etc/hosts")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var own strings.Builder
	own.Write(names)
	for _, h := range s.ExtraHosts {
		for _, a := range h.Addresses {
			if a == hostGateway {
				a = "127.0.0.1" // the container is on this machine's own network
			}
			own.WriteString(a + "\t" + h.Name + "\n")
		}
	}
	return statedir.WriteVolatile(e.Network.HostsFile(id), []byte(own.String()), 0o644)
}

// hostGateway stands for this machine in extra_hosts.
const hostGateway = "host-gateway"

// extraHosts are the service's own names; the zero address is host-gateway.
func extraHosts(s *spec.Service) []network.HostName {
	var out []network.HostName
	for _, h := range s.ExtraHosts {
		for _, text := range h.Addresses {
			a, err := netip.ParseAddr(text)
			if err != nil && text != hostGateway {
				continue // refused when the file was read
			}
			out = append(out, network.HostName{Name: h.Name, Address: a})
		}
	}
	return out
}

func links(s *spec.Service) []network.Link {
	var out []network.Link
	for _, l := range s.Links {
		out = append(out, network.Link(l))
	}
	return out
}

// taskIO is where the streams of a task lead.
type taskIO struct {
	stdin, stdout, stderr string // FIFOs; empty for none
	terminal              bool
	letGo                 func() error // they are held until it is called: when the task is made, or was given up
}

func logConfig(l spec.Logging) logs.Config {
	return logs.Config{MaxSize: l.MaxSize, MaxFiles: l.MaxFiles, Compress: l.Compress, Discard: l.Driver == spec.LogNone}
}

// prepareIO makes the FIFOs of a container. A terminal has one stream out; a
// standard input that stays open waits for whoever writes into its FIFO.
func (e *Engine) prepareIO(id string, s *spec.Service) (t taskIO, err error) {
	stdout, stderr, hold, err := logs.Prepare(e.Dirs, id, logConfig(s.Logging))
	if err != nil {
		return t, err
	}
	t.stdout, t.stderr, t.letGo = stdout, stderr, hold.Close
	if s.TTY {
		t.terminal, t.stderr = true, ""
	}
	if !s.StdinOpen {
		return t, nil
	}
	t.stdin = filepath.Join(filepath.Dir(t.stdout), "stdin")
	if err := unix.Mkfifo(t.stdin, 0o600); err != nil && !errors.Is(err, unix.EEXIST) {
		return t, errors.Join(err, t.letGo())
	}
	return t, nil
}

// writeFiles writes the managed files of /etc. They are world-readable: every
// user of the container reads them.
func (e *Engine) writeFiles(id string, p network.Endpoint, s *spec.Service) error {
	if s.NetworkMode.Of() != "" {
		return nil // they are the other's
	}
	conf, err := e.resolvConf(p, s)
	if err != nil {
		return err
	}
	dir := e.Dirs.Container(id)
	if err := statedir.WriteVolatile(filepath.Join(dir, "resolv.conf"), conf, 0o644); err != nil {
		return err
	}
	return statedir.WriteVolatile(filepath.Join(dir, "hostname"), []byte(p.Hostname+"\n"), 0o644)
}
