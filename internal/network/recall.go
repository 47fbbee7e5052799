package network

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"

	"stackup.dev/stackup/internal/statedir"
)

// recalled is the file among the endpoints' records which says that none is missing. It
// goes with them when the machine starts.
const recalled = ".recalled"

func (h *Host) marker() string { return filepath.Join(h.Dirs.Endpoints(), recalled) }

// complete reports whether no record is missing, or none can be written back.
func (h *Host) complete() bool { return h.Labelled == nil || exists(h.marker()) }

// Recall has the records of endpoints complete, for who reads them.
func (h *Host) Recall(ctx context.Context) error {
	if h.complete() {
		return nil
	}
	unlock, err := h.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return h.recall(ctx)
}

// recall writes back the records that are missing, as Labelled gives them: they are gone
// after a start of the machine, and an address is not free because its container does
// not run. It does so once, before anything is claimed or taken away. Of two containers
// with one address the first one gets a record; the other claims anew when it starts.
// The caller has the lock. Who removes a container removes its labels first, and then
// its record under the lock, so that none is written back for good.
func (h *Host) recall(ctx context.Context) error {
	if h.complete() {
		return nil
	}
	list, err := h.Labelled(ctx)
	if err != nil {
		return fmt.Errorf("read the addresses of all containers: %w", err)
	}
	networks, err := h.Networks()
	if err != nil {
		return err
	}
	all, err := h.Endpoints()
	if err != nil {
		return err
	}
	for _, e := range list {
		known := slices.ContainsFunc(all, func(o Endpoint) bool { return o.ID == e.ID })
		if known || valid("container ID", e.ID) != nil || e.obstacle(networks, all) != nil {
			continue
		}
		e.Up, e.Silent = false, false
		if err := h.writeEndpoint(e); err != nil {
			return err
		}
		all = append(all, e)
	}
	return statedir.WriteVolatile(h.marker(), nil, 0o600)
}

// AddressLostError says that a container cannot have the address again that it had.
type AddressLostError struct {
	Address netip.Addr
	Network string
	Chosen  bool   // the stack file asks for it; else another address will do
	Reason  string // who has it, or why nobody can
}

func (e *AddressLostError) Error() string {
	return fmt.Sprintf("address %s of network %s %s", e.Address, e.Network, e.Reason)
}

// obstacle returns what keeps an endpoint from its addresses: another endpoint, or the
// subnet of a network that was made anew. A former incarnation of the same replica may
// have the address that the file asks for, as it goes when its successor comes.
func (e Endpoint) obstacle(networks []Network, others []Endpoint) *AddressLostError {
	for _, a := range e.Attachments {
		for _, has := range a.Addresses() {
			lost := &AddressLostError{Address: has, Network: a.Network, Chosen: has == a.Wanted || has == a.Wanted6}
			for _, n := range networks {
				if n.Name == a.Network && !n.Subnet.Contains(has) && !n.Subnet6.Contains(has) {
					lost.Reason = "is not in its subnet any more"
					return lost
				}
			}
			for _, o := range others {
				if o.ID != e.ID && o.has(a.Network, has) && (!lost.Chosen || !e.sameReplica(o)) {
					lost.Reason = fmt.Sprintf("is in use by %s (container %s)", o.Holder(), o.ID)
					return lost
				}
			}
		}
	}
	return nil
}

// has reports whether an address on a network is the endpoint's.
func (e Endpoint) has(network string, a netip.Addr) bool {
	return slices.ContainsFunc(e.Attachments, func(b Attachment) bool { return b.Network == network && slices.Contains(b.Addresses(), a) })
}
