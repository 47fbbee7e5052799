package network

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	forward4 = "/proc/sys/net/ipv4/ip_forward"
	conf6    = "/proc/sys/net/ipv6/conf"
	forward6 = conf6 + "/all/forwarding"
)

// forward makes the kernel route packets, without which no container of the
// network reaches anything beyond it.
func (n Network) forward() error {
	if n.Bridge == "" {
		return nil
	}
	return forward(n.Subnet.IsValid(), n.Subnet6.IsValid())
}

// lostForwarding says which of the settings that forward makes are not in force.
func (n Network) lostForwarding() (out []string) {
	if n.Subnet.IsValid() && !reads(forward4, "1") {
		out = append(out, "the machine's setting net.ipv4.ip_forward")
	}
	if n.Subnet6.IsValid() && !reads(forward6, "1") {
		out = append(out, "the machine's setting net.ipv6.conf.all.forwarding")
	}
	return out
}

// forward is that of all its networks, as after a reboot.
func (e Endpoint) forward() error {
	var ipv4, ipv6 bool
	for _, a := range e.Attachments {
		ipv4 = ipv4 || !a.OnWire && a.Address.IsValid()
		ipv6 = ipv6 || !a.OnWire && a.Address6.IsValid()
	}
	return forward(ipv4, ipv6)
}

func forward(ipv4, ipv6 bool) error {
	if ipv4 {
		if err := switchOn(forward4); err != nil {
			return fmt.Errorf("switch on forwarding of IPv4: %w", err)
		}
	}
	if !ipv6 || reads(forward6, "1") {
		return nil
	}
	if err := keepAdvertised(); err != nil {
		return fmt.Errorf("keep the routes that routers advertise: %w", err)
	}
	if err := switchOn(forward6); err != nil {
		return fmt.Errorf("switch on forwarding of IPv6: %w", err)
	}
	return nil
}

// keepAdvertised makes interfaces that listen to routers go on with it: a
// machine that forwards would else lose its own default route, as the kernel
// takes it for a router (ip-sysctl, accept_ra).
func keepAdvertised() error {
	links, err := os.ReadDir(conf6)
	if err != nil {
		return err
	}
	for _, l := range links {
		name := l.Name()
		if slices.Contains([]string{"all", "default", "lo"}, name) || strings.HasPrefix(name, "su") || strings.HasPrefix(name, "sv") {
			continue
		}
		path := filepath.Join(conf6, name, "accept_ra")
		if reads(path, "1") && reads(filepath.Join(conf6, name, "forwarding"), "0") {
			if err := set(path, "2"); err != nil && !os.IsNotExist(err) { // it may just have gone
				return err
			}
		}
	}
	return nil
}

// hasIPv6 says whether this machine can have addresses of IPv6.
func hasIPv6() bool { return exists(conf6) }

func switchOn(path string) error {
	if reads(path, "1") {
		return nil
	}
	return set(path, "1")
}

func reads(path, want string) bool {
	b, err := os.ReadFile(path)
	return err == nil && strings.TrimSpace(string(b)) == want
}

func set(path, value string) error {
	return os.WriteFile(path, []byte(value), 0o644) //nolint:forbidigo // a kernel setting, no file
}

// machineID tells this machine from others: of machine-id(5), else by its name.
func machineID() []byte {
	for _, path := range []string{"/etc/machine-id", "/proc/sys/kernel/hostname"} {
		if b, err := os.ReadFile(path); err == nil && len(strings.TrimSpace(string(b))) > 0 {
			return b
		}
	}
	return nil
}
