package ctrd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/containerd/containerd/v2/core/containers"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/planner"
)

// endpointOf returns what a container's record says of its place on its networks, and
// what is stored of it.
func endpointOf(rec containers.Container) (st stored, p network.Endpoint, err error) {
	if p, err = decodeEndpoint(rec.Labels[labels.Endpoint]); err != nil {
		return st, p, err
	}
	if st, err = storedOf(rec); err != nil {
		return st, p, err
	}
	p.Hosts, p.Links, p.Servers = extraHosts(&st.Service), links(&st.Service), servers(st.Service.DNS)
	return st, p, nil
}

// recallTime bounds the listing of containers, for which others wait.
const recallTime = 5 * time.Second

// labelledEndpoints returns the endpoints of the containers that may start again, as
// their labels have them, those of the oldest first. A record that is damaged has none.
func (e *Engine) labelledEndpoints(ctx context.Context) ([]network.Endpoint, error) {
	var recs []containers.Container
	err := limited(e.ctx(ctx), recallTime, "Containers/ListStream", func(ctx context.Context) (err error) {
		recs, err = e.containers(ctx, "")
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(recs, func(a, b containers.Container) int { return a.CreatedAt.Compare(b.CreatedAt) })
	var out []network.Endpoint
	for _, rec := range recs {
		_, p, err := endpointOf(rec)
		if err != nil {
			e.Log.Warn("a container whose addresses cannot be read", "id", rec.ID, "err", err)
			continue
		}
		if p.Index != planner.OneOff {
			out = append(out, p)
		}
	}
	return out, nil
}

// restore brings a container's endpoint back as its label has it. One whose address
// somebody else has by now gets another one, unless the stack file asks for that one.
func (e *Engine) restore(ctx context.Context, rec containers.Container, st *stored, p network.Endpoint) (network.Endpoint, error) {
	got, err := e.Network.Restore(ctx, p)
	lost := new(network.AddressLostError)
	if !errors.As(err, &lost) {
		got.Hosts, got.Links, got.Servers = p.Hosts, p.Links, p.Servers
		return got, err
	}
	if lost.Chosen {
		return p, fmt.Errorf("%w; the stack file asks for it", err)
	}
	e.Log.Info("another address is claimed", "id", rec.ID, "reason", err)
	return e.claimAgain(ctx, rec, st, p)
}

// claimAgain claims addresses and ports for a container that cannot have all of its own
// any more: those that are free it keeps. Its label says so from then on.
func (e *Engine) claimAgain(ctx context.Context, rec containers.Container, st *stored, p network.Endpoint) (network.Endpoint, error) {
	id, ok := labels.Decode(rec.Labels)
	if !ok {
		return p, errors.New("its labels are damaged")
	}
	want, wishes, err := wanted(executor.ContainerSpec{
		ID: rec.ID, Stack: id.Stack, Ref: id.Ref, Name: id.Name, Hostname: p.Hostname, Service: st.Service, Networks: st.Networks,
	})
	if err != nil {
		return p, err
	}
	for i := range want.Attachments {
		a := &want.Attachments[i]
		for _, had := range p.Attachments {
			if had.Network == a.Network {
				a.Address, a.Address6 = had.Address, had.Address6
			}
		}
	}
	want.Ports, want.Kept = p.Ports, p.Kept
	if p, err = e.Network.Claim(ctx, want, wishes); err != nil {
		return p, err
	}
	label, err := encodeEndpoint(p)
	if err != nil {
		return p, err
	}
	return p, e.setLabel(ctx, rec.ID, labels.Endpoint, label)
}
