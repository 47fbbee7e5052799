package network

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"stackup.dev/stackup/internal/network/bridge"
	"stackup.dev/stackup/internal/network/nat"
	"stackup.dev/stackup/internal/statedir"
)

// Loss is something of a network that was there and is not any more.
type Loss struct {
	Network string // name on the machine
	What    string // for people: "firewall rules (the table is gone)", "address 10.210.0.1/24 of bridge su…"
}

// Look returns what has been lost of the networks that running containers of a stack are
// on, or those of all stacks for "": bridges, links, addresses, routes, settings of the
// kernel, and rules. A network that no running container is on has nothing to lose: it is
// made whole for the next one. Look takes the network lock only if it seems that there is
// a loss, since what others are about to change looks like one.
func (h *Host) Look(ctx context.Context, stack string) ([]Loss, error) {
	of := func(e Endpoint, _ Network) bool { return stack == "" || e.Stack == stack }
	if found, err := h.look(of); err == nil && len(found) == 0 {
		return nil, nil
	}
	unlock, err := h.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return h.look(of)
}

// scope says whether a network counts that a running container is on.
type scope func(Endpoint, Network) bool

func (h *Host) look(of scope) ([]Loss, error) {
	endpoints, err := h.Endpoints()
	if err != nil {
		return nil, err
	}
	networks, err := h.Networks()
	if err != nil {
		return nil, err
	}
	used := inUse(networks, endpoints, of)
	if len(used) == 0 {
		return nil, nil
	}
	rules, err := h.lookRules(networks, endpoints)
	if err != nil {
		return nil, err
	}
	seen, err := seeFor(networks)
	if err != nil {
		return nil, err
	}
	var out []Loss
	for _, n := range used {
		lost, err := h.lostOf(n, networks, endpoints, seen)
		if err != nil {
			return nil, err
		}
		if n.Bridge != "" {
			lost = append(lost, rules...)
		}
		for _, what := range lost {
			out = append(out, Loss{Network: n.Name, What: what})
		}
	}
	return out, nil
}

// inUse returns the networks that running containers are on, as far as they count.
func inUse(networks []Network, endpoints []Endpoint, counts scope) []Network {
	return slices.DeleteFunc(slices.Clone(networks), func(n Network) bool {
		return !slices.ContainsFunc(endpoints, func(e Endpoint) bool { return e.Up && e.isOn(n.Name) && counts(e, n) })
	})
}

func (e Endpoint) isOn(network string) bool {
	return slices.ContainsFunc(e.Attachments, func(a Attachment) bool { return a.Network == network })
}

// seeFor looks at the machine's links, as far as these networks need it.
func seeFor(networks []Network) (*bridge.Seen, error) {
	return bridge.See(slices.ContainsFunc(networks, func(n Network) bool { return n.Subnet6.IsValid() }))
}

// Settings are the files of the kernel's settings that Look looks at.
func (h *Host) Settings() []string {
	out := []string{forward4, forward6}
	networks, err := h.Networks()
	if err != nil {
		return out // Look says so
	}
	for _, n := range networks {
		if n.Bridge != "" {
			out = append(out, n.spec().Settings()...)
		}
	}
	return out
}

// lookRules says what is wrong with the kernel's rules, which all networks share.
func (h *Host) lookRules(networks []Network, endpoints []Endpoint) (out []string, err error) {
	bridges := natBridges(networks, h.answering())
	held, err := h.nft.Look(nat.Render(h.Dirs.NftTable(), bridges, natPorts(endpoints)), bridges)
	if err != nil {
		return nil, err
	}
	if held.Table != "" {
		out = append(out, "firewall rules ("+held.Table+")")
	}
	if len(held.Chains) > 0 {
		out = append(out, "firewall rules in "+strings.Join(held.Chains, ", "))
	}
	return out, nil
}

// lostOf says what is lost of a network but for its rules.
func (h *Host) lostOf(n Network, networks []Network, endpoints []Endpoint, seen *bridge.Seen) (out []string, err error) {
	if n.Bridge != "" {
		out = append(out, n.lostForwarding()...)
		lost, there := bridge.Lost(n.spec(), seen)
		if out = append(out, lost...); !there {
			return out, nil // nobody has a place in it then
		}
	}
	for _, e := range endpoints {
		if !e.Up || !e.isOn(n.Name) || !isNetns(h.NetnsPath(e.ID)) || h.Dirs.ContainerBusy(e.ID) {
			continue // or it has just ended, and its namespace with it, or it is being started or stopped
		}
		wires, err := h.wiresOn(e, networks)
		if err != nil { // a network of it is being taken away, and it goes too
			continue
		}
		for _, w := range wires {
			if w.n.Name != n.Name {
				continue
			}
			what, err := h.lostWire(e, w, seen)
			if err != nil {
				return nil, err
			}
			if what != "" {
				out = append(out, what+" of container "+e.Name)
			}
		}
	}
	return out, nil
}

// lostWire says what is lost of one interface; empty for nothing. What the container may
// change itself is its own affair.
func (h *Host) lostWire(e Endpoint, w wire, seen *bridge.Seen) (string, error) {
	var err error
	switch path := h.NetnsPath(e.ID); {
	case w.a.OnWire && !e.Kept:
		if !bridge.HasInside(w.attachment(), path) {
			return "interface " + w.a.Interface, nil
		}
	case w.a.OnWire:
		err = bridge.CheckInside(w.attachment(), path)
	default:
		err = bridge.CheckOutside(w.attachment(), seen)
		if err == nil && e.Kept {
			err = bridge.CheckInside(w.attachment(), path)
		}
	}
	if lost := new(bridge.LostError); errors.As(err, &lost) {
		return lost.What, nil
	}
	return "", err
}

// Mend puts back what has been lost of a network, under its running containers, which
// are not touched otherwise. It returns what there was to put back; nothing to do is no
// error. What cannot be put back does not keep the rest from it.
func (h *Host) Mend(ctx context.Context, network string) ([]Loss, error) {
	unlock, err := h.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	lost, err := h.look(func(_ Endpoint, n Network) bool { return n.Name == network })
	if err != nil || len(lost) == 0 {
		return nil, err
	}
	n, err := h.network(network)
	if err != nil {
		return nil, err
	}
	endpoints, err := h.Endpoints()
	if err != nil {
		return nil, err
	}
	errs := []error{n.forward()}
	if n.Bridge != "" {
		_, err := bridge.Ensure(n.spec())
		errs = append(errs, err)
	}
	for _, e := range endpoints {
		if e.Up && e.isOn(network) {
			if err := h.mendContainer(ctx, e, network); err != nil {
				errs = append(errs, fmt.Errorf("container %s: %w", e.ID, err))
			}
		}
	}
	errs = append(errs, h.publishThese(endpoints))
	for _, l := range lost {
		h.Log.Info("a loss of a network is put right", "network", l.Network, "lost", l.What)
	}
	return lost, errors.Join(errs...)
}

// mendContainer is mendWires unless somebody starts or stops the container, who makes its
// interfaces himself.
func (h *Host) mendContainer(ctx context.Context, e Endpoint, network string) error {
	l, err := h.Dirs.TryLockContainer(e.ID)
	if statedir.IsLocked(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(h.mendWires(ctx, e, network), l.Unlock())
}

// onWireAgain makes an interface on a link of the host's anew, which only its plugin can.
// It is the first for that, so that its name for CNI is another one meanwhile.
func (h *Host) onWireAgain(ctx context.Context, e Endpoint, w wire) error {
	if !bridge.Exists(w.n.Asked.Parent) {
		return fmt.Errorf("there is no link %s on this machine to be the parent of network %s", w.n.Asked.Parent, w.n.Name)
	}
	path, a := h.NetnsPath(e.ID), w.attachment()
	prefix := w.slot + "x"
	a.Slot = prefix + "0"
	if err := bridge.Clear(a, path); err != nil {
		return err
	}
	err := h.cni.Setup(ctx, e.ID, path, prefix, cniNetworks([]wire{w}))
	if err == nil {
		err = bridge.Finish(a, path)
	}
	return errors.Join(err, h.cni.Forget(e.ID, w.n.Name, a.Slot))
}

// mendWires puts back the interfaces of a running container on a network.
func (h *Host) mendWires(ctx context.Context, e Endpoint, network string) error {
	wires, err := h.wires(e)
	if err != nil {
		return err
	}
	var errs []error
	for _, w := range wires {
		if w.n.Name != network || !isNetns(h.NetnsPath(e.ID)) {
			continue
		}
		seen, err := bridge.SeeOutside(w.attachment())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		what, err := h.lostWire(e, w, seen)
		switch {
		case err != nil || what == "":
			errs = append(errs, err)
		case w.a.OnWire && bridge.HasInside(w.attachment(), h.NetnsPath(e.ID)):
			errs = append(errs, bridge.MendInside(w.attachment(), h.NetnsPath(e.ID)))
		case w.a.OnWire:
			errs = append(errs, h.onWireAgain(ctx, e, w))
		default:
			errs = append(errs, bridge.Mend(w.attachment(), h.NetnsPath(e.ID), e.Kept))
		}
	}
	return errors.Join(errs...)
}
