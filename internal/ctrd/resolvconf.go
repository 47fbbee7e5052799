package ctrd

import (
	"net/netip"
	"slices"
	"strings"

	"stackup.dev/stackup/internal/dns"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/spec"
)

// resolvConf says whom the container asks for names: this machine at its
// network's gateway, which knows its neighbours and asks others for the rest;
// should nobody answer there, those others themselves.
func (e *Engine) resolvConf(p network.Endpoint, s *spec.Service) ([]byte, error) {
	host, err := dns.ReachableConf()
	if err != nil || s.NetworkMode == spec.NetworkHost {
		return ownDNS(host, s.DNS), err
	}
	conf := ownDNS(reachable(host), s.DNS)
	gateway := p.NameServer()
	if !gateway.IsValid() || servesItself(s.DNS) {
		return conf, nil
	}
	if len(s.DNS.Servers) == 0 && e.inside(p) {
		conf = withoutServers(conf)
	}
	conf = slices.Concat([]byte("nameserver "+gateway.String()+"\n"), conf)
	if !has(conf, "timeout:") && !has(conf, "attempts:") {
		conf = addLine(conf, "options", "timeout:1", "attempts:2")
	}
	return conf, nil
}

// servers are those that the service names.
func servers(d spec.DNS) (out []netip.Addr) {
	for _, text := range d.Servers {
		if a, err := netip.ParseAddr(text); err == nil { // else refused when the file was read
			out = append(out, a)
		}
	}
	return out
}

// servesItself says whether a server that the service names is the container.
func servesItself(d spec.DNS) bool {
	return slices.ContainsFunc(servers(d), func(a netip.Addr) bool { return a.IsLoopback() || a.Zone() != "" })
}

// inside says whether all of the container's networks are without a way out.
func (e *Engine) inside(p network.Endpoint) bool {
	networks, err := e.Network.Networks()
	return err == nil && !slices.ContainsFunc(p.Attachments, func(a network.Attachment) bool {
		return !slices.ContainsFunc(networks, func(n network.Network) bool { return n.Name == a.Network && n.Internal })
	})
}

// reachable is the host's, without resolvers on the host's own loopback,
// which a container cannot reach.
func reachable(host []byte) []byte {
	return without(host, func(f []string) bool {
		return f[0] == "nameserver" && len(f) > 1 && (strings.HasPrefix(f[1], "127.") || f[1] == "::1")
	})
}

func withoutServers(conf []byte) []byte {
	return without(conf, func(f []string) bool { return f[0] == "nameserver" })
}

// has says whether one of the options begins so.
func has(conf []byte, option string) (found bool) {
	without(conf, func(f []string) bool {
		found = found || f[0] == "options" && slices.ContainsFunc(f, func(o string) bool { return strings.HasPrefix(o, option) })
		return false
	})
	return found
}

// ownDNS puts what the service says in the place of the host's lines of that kind.
func ownDNS(host []byte, d spec.DNS) []byte {
	out := without(host, func(f []string) bool {
		return f[0] == "nameserver" && len(d.Servers) > 0 || (f[0] == "search" || f[0] == "domain") && len(d.Search) > 0 ||
			f[0] == "options" && len(d.Options) > 0
	})
	for _, s := range d.Servers {
		out = addLine(out, "nameserver", s)
	}
	if !slices.Equal(d.Search, []string{"."}) { // a dot alone: none
		out = addLine(out, "search", d.Search...)
	}
	return addLine(out, "options", d.Options...)
}

func addLine(text []byte, word string, values ...string) []byte {
	if len(values) == 0 {
		return text
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	return append(text, word+" "+strings.Join(values, " ")+"\n"...)
}

// without leaves out the lines of a resolv.conf(5) whose words match.
func without(text []byte, match func(words []string) bool) []byte {
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 0 && match(f) {
			continue
		}
		out.WriteString(line)
	}
	return []byte(out.String())
}
