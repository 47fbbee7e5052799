package network

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"

	"stackup.dev/stackup/internal/network/bridge"
	"stackup.dev/stackup/internal/network/nat"
)

// undoDeadline is what cleaning up after a failure may take.
const undoDeadline = 10 * time.Second

// Attach gives a claimed container its network: a network namespace at
// NetnsPath, its interfaces, its ports, its names. It may be repeated, also
// after a reboot, and leaves alone what is in order. If it fails, all that it
// did is undone; the error has what the network helper printed.
func (h *Host) Attach(ctx context.Context, id string) error {
	e, err := h.endpoint(id)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("container %s has claimed no network", id)
	}
	if err != nil {
		return err
	}
	if e.Answers() && isNetns(h.NetnsPath(id)) && h.check(e) == nil {
		return h.refresh(ctx, e) // a running container: nothing to undo
	}
	if err := h.attach(ctx, e); err != nil {
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoDeadline)
		defer cancel()
		if uerr := errors.Join(h.Detach(undo, id), h.settle(undo, e)); uerr != nil {
			h.Log.Warn("undo attach", "id", id, "err", uerr)
		}
		return fmt.Errorf("attach %s: %w", id, err)
	}
	return nil
}

func (h *Host) attach(ctx context.Context, e Endpoint) error {
	if err := h.checkHostPorts(ctx, e); err != nil {
		return err
	}
	if err := h.wire(ctx, e); err != nil {
		return err
	}
	return h.setUp(ctx, e.ID, true)
}

// Prepare makes a claimed container's namespace and interfaces beforehand, so
// that Attach has less to do; nothing leads there yet. What it could not do
// Attach tries again, and Detach or Release takes away. It must not run beside
// one of those for the same container.
func (h *Host) Prepare(ctx context.Context, id string) error {
	e, err := h.endpoint(id)
	if err != nil {
		return err
	}
	return h.wire(ctx, e)
}

// wire makes the namespace and the interfaces, or finds them in order.
func (h *Host) wire(ctx context.Context, e Endpoint) error {
	if isNetns(h.NetnsPath(e.ID)) && h.check(e) == nil {
		return nil
	}
	if err := e.forward(); err != nil {
		return err
	}
	if err := ensureNetns(h.NetnsPath(e.ID)); err != nil {
		return err
	}
	wires, err := h.wires(e)
	if err != nil {
		return err
	}
	for _, w := range wires {
		if w.a.OnWire {
			if err := bridge.Clear(w.attachment(), h.NetnsPath(e.ID)); err != nil {
				return err
			}
		}
	}
	if err := h.cni.Setup(ctx, e.ID, h.NetnsPath(e.ID), e.prefix(), cniNetworks(wires)); err != nil {
		return err
	}
	for _, w := range wires {
		if w.a.OnWire {
			if err := bridge.Finish(w.attachment(), h.NetnsPath(e.ID)); err != nil {
				return err
			}
		}
	}
	return nil
}

// refresh puts rules and names of what is up back in order.
func (h *Host) refresh(ctx context.Context, e Endpoint) error {
	unlock, err := h.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	all, err := h.Endpoints()
	if err != nil {
		return err
	}
	return errors.Join(h.publishThese(all), h.rewriteHosts([]Endpoint{e}, all))
}

// forgetFlows drops the kernel's memory of UDP flows by ports that endpoints
// have just gained or lost.
func forgetFlows(touched []Endpoint) error {
	var gone, come []nat.Port
	for _, e := range touched {
		if !slices.ContainsFunc(e.Ports, func(p Published) bool { return p.Protocol == "udp" }) {
			continue
		}
		if e.Up {
			come = append(come, portsOf(e)...)
		} else {
			gone = append(gone, portsOf(e)...)
		}
	}
	if len(come) == 0 {
		return nat.ForgetFlows(gone, nil, nil)
	}
	local, err := localAddresses()
	if err != nil {
		return err
	}
	return nat.ForgetFlows(gone, come, local)
}

func localAddresses() (map[netip.Addr]bool, error) {
	addrs, err := bridge.Listed(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, err
	}
	local := map[netip.Addr]bool{}
	for _, a := range addrs {
		if ip, ok := netip.AddrFromSlice(a.IP); ok {
			local[ip.Unmap()] = true
		}
	}
	return local, nil
}
