package network

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"slices"
)

// NamesPort is where the answers to questions for names come from, on this
// machine's address of each network. Containers ask at port 53, as everybody
// does; the rules lead them here, past whatever else has that port.
const NamesPort = 20053

// Silent says of each endpoint that is up whether it is silent.
func (h *Host) Silent() (map[string]bool, error) {
	all, err := h.Endpoints()
	out := map[string]bool{}
	for _, e := range all {
		if e.Up {
			out[e.ID] = e.Silent
		}
	}
	return out, err
}

// SetSilent takes the names of an endpoint that is up from the others, or gives
// them back. One that is not up has none; it has them when it is attached.
func (h *Host) SetSilent(ctx context.Context, id string, silent bool) error {
	e, err := h.endpoint(id)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (!e.Up || e.Silent == silent) {
		return nil
	}
	if err != nil {
		return err
	}
	unlock, err := h.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	all, err := h.Endpoints()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(o Endpoint) bool { return o.ID == id })
	if i < 0 || !all[i].Up || all[i].Silent == silent {
		return nil
	}
	all[i].Silent = silent
	return errors.Join(h.writeEndpoint(all[i]), h.rewriteHosts(all[i:i+1], all))
}

// NameServer is this machine's address at which the endpoint's questions for
// names are answered: of its first network that has a bridge of ours. The zero
// address says that there is none.
func (e Endpoint) NameServer() netip.Addr {
	for _, a := range e.Attachments {
		if !a.OnWire && a.Machine().IsValid() {
			return a.Machine()
		}
	}
	return netip.Addr{}
}

// NameSockets are where the network's questions for names are answered; none
// where there is no bridge of ours.
func (n Network) NameSockets() (out []netip.AddrPort) {
	for _, a := range []netip.Addr{n.Gateway, n.Gateway6} {
		if n.Bridge != "" && a.IsValid() {
			out = append(out, netip.AddrPortFrom(a, NamesPort))
		}
	}
	return out
}
