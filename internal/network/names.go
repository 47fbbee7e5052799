package network

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"

	"stackup.dev/stackup/internal/network/hosts"
)

// HostsFile is the hosts file of a container, made by Attach, kept up to date
// in place and removed by Release.
func (h *Host) HostsFile(id string) string { return filepath.Join(h.Dirs.Container(id), "hosts") }

// rewriteHosts brings the hosts files up to date that changes of endpoints
// touch: those of all that are up and share a network with one of them.
func (h *Host) rewriteHosts(touched, all []Endpoint) error {
	var errs []error
	lines := linesOf(all)
	for _, o := range all {
		if o.Up && slices.ContainsFunc(touched, func(e Endpoint) bool { return o.ID == e.ID || shareNetwork(e, o) }) {
			if err := hosts.Write(h.HostsFile(o.ID), append(hostsContent(o, lines), linked(o, all)...)); err != nil {
				errs = append(errs, fmt.Errorf("hosts file of %s: %w", o.ID, err))
			}
		}
	}
	return errors.Join(errs...)
}

// linesOf gives what answers on each network, by the names that hold there.
func linesOf(all []Endpoint) map[string][]hosts.Line {
	entries := map[string][]hosts.Entry{}
	for _, o := range all {
		if !o.Answers() {
			continue
		}
		for _, a := range o.Attachments {
			for _, ip := range a.Addresses() {
				entries[a.Network] = append(entries[a.Network], hosts.Entry{Address: ip, Names: a.Names})
			}
		}
	}
	out := map[string][]hosts.Line{}
	for network, e := range entries {
		out[network] = hosts.Lines(e)
	}
	return out
}

func shareNetwork(e, o Endpoint) bool {
	return slices.ContainsFunc(e.Attachments, func(a Attachment) bool {
		return slices.ContainsFunc(o.Attachments, func(b Attachment) bool { return a.Network == b.Network })
	})
}

// hostsContent gives a container's hosts file: what is up on its networks, and
// no other network's address.
func hostsContent(e Endpoint, lines map[string][]hosts.Line) []byte {
	var own []hosts.Entry
	var networks [][]hosts.Line
	for _, a := range e.Attachments {
		for _, ip := range a.Addresses() {
			own = append(own, hosts.Entry{Address: ip, Names: slices.Concat([]string{e.Hostname, e.Name}, a.Names)})
		}
		networks = append(networks, lines[a.Network])
	}
	return append(hosts.Render(own, networks...), chosen(e)...)
}

// linked gives the names that only this container has for others that are up.
func linked(e Endpoint, all []Endpoint) []byte {
	var out []byte
	for _, l := range e.Links {
		for _, o := range all {
			if !o.Answers() || !l.leadsTo(e, o) {
				continue
			}
			for _, a := range common(e, o) {
				out = append(out, a.String()+"\t"+l.Alias+"\n"...)
			}
		}
	}
	return out
}

// common gives o's addresses on the first network that it shares with e.
func common(e, o Endpoint) []netip.Addr {
	for _, a := range e.Attachments {
		for _, b := range o.Attachments {
			if a.Network == b.Network {
				return b.Addresses()
			}
		}
	}
	return nil
}

// chosen gives the names of the container's own choice.
func chosen(e Endpoint) []byte {
	var out []byte
	for _, h := range e.Hosts {
		a := h.Address
		if !a.IsValid() && len(e.Attachments) > 0 {
			a = e.Attachments[0].Machine()
		}
		if a.IsValid() {
			out = append(out, a.String()+"\t"+h.Name+"\n"...)
		}
	}
	return out
}
