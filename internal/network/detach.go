package network

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"stackup.dev/stackup/internal/cni"
	"stackup.dev/stackup/internal/network/bridge"
	"stackup.dev/stackup/internal/statedir"
)

// Detach takes a container's network away: ports and names, interfaces and the
// network namespace. The record stays, not up, and with it address and ports.
// It may be repeated, and is complete even when the namespace vanished. The
// kernel ends the interfaces with their namespace, a moment after; Release sees
// to it. So no plugin is run for that: it would have nothing to do.
func (h *Host) Detach(ctx context.Context, id string) error {
	e, err := h.endpoint(id)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	e.ID = id
	errs := []error{h.setUp(ctx, id, false)}
	if isNetns(h.NetnsPath(id)) {
		errs = append(errs, h.leaveWire(e))
	} else { // nothing takes the interfaces along
		errs = append(errs, h.removeLinks(e))
	}
	for i, a := range e.Attachments {
		errs = append(errs, h.cni.Forget(id, a.Network, e.slot(i)))
	}
	return errors.Join(append(errs, removeNetns(h.NetnsPath(id)))...)
}

// leaveWire takes interfaces off a link of the host's at once: a successor may
// come with the same hardware address.
func (h *Host) leaveWire(e Endpoint) error {
	var errs []error
	for i, a := range e.Attachments {
		if a.OnWire {
			errs = append(errs, bridge.Clear(bridge.Attachment{Slot: e.slot(i), Interface: a.Interface}, h.NetnsPath(e.ID)))
		}
	}
	return errors.Join(errs...)
}

func (h *Host) removeLinks(e Endpoint) error {
	var errs []error
	for i := range e.Attachments {
		errs = append(errs, bridge.Remove(h.link(e, i)))
	}
	return errors.Join(errs...)
}

// settle waits until the kernel has ended an endpoint's interfaces with their
// namespace, and removes them if a leftover process keeps that alive.
func (h *Host) settle(ctx context.Context, e Endpoint) error {
	for range 50 {
		if !h.linked(e) {
			return nil
		}
		select {
		case <-ctx.Done():
			return h.removeLinks(e)
		case <-time.After(2 * time.Millisecond):
		}
	}
	return h.removeLinks(e)
}

func (h *Host) linked(e Endpoint) bool {
	for i := range e.Attachments {
		if bridge.Exists(h.link(e, i)) {
			return true
		}
	}
	return false
}

// Release removes a container's record and anything left of its network. What
// is not there is no error.
func (h *Host) Release(ctx context.Context, id string) error {
	if err := valid("container ID", id); err != nil {
		return err
	}
	e, err := h.endpoint(id)
	known := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.Log.Warn("unreadable endpoint record", "id", id, "err", err)
	}
	if known && (e.Up || exists(h.NetnsPath(id))) {
		if err := h.Detach(ctx, id); err != nil {
			return err
		}
	}
	if known {
		err = h.settle(ctx, e)
	} else {
		err = h.unlinkUnknown(id)
	}
	if err != nil {
		return err
	}
	unlock, err := h.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for _, path := range []string{h.endpointPath(id), h.HostsFile(id)} {
		if err := statedir.Remove(path); err != nil {
			return fmt.Errorf("release %s: %w", id, err)
		}
	}
	_ = os.Remove(h.Dirs.Container(id))               // refused by the kernel if others keep files there
	_ = os.Remove(filepath.Dir(h.Dirs.Container(id))) // likewise
	h.tidy()
	return nil
}

// unlinkUnknown removes what may be left of a container that has no usable
// record, by the names that its links and cached results would have.
func (h *Host) unlinkUnknown(id string) error {
	networks, err := h.Networks()
	if err != nil {
		return err
	}
	errs := []error{removeNetns(h.NetnsPath(id))}
	for _, n := range networks {
		for i := range networks {
			for _, prefix := range []string{cni.Prefix, prefixOnWire} {
				slot := fmt.Sprintf("%s%d", prefix, i)
				errs = append(errs, bridge.Remove(bridge.VethName(bridge.Name(h.Dirs.Root, n.Name), id, slot)), h.cni.Forget(id, n.Name, slot))
			}
		}
	}
	return errors.Join(errs...)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
