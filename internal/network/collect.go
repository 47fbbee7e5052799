package network

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"stackup.dev/stackup/internal/network/bridge"
)

// Collect removes what crashes left: records, namespaces, links and cached
// results of containers that are not live; and it puts back rules that others
// have flushed. It must not run while one of the others is being attached.
func (h *Host) Collect(ctx context.Context, live map[string]bool) error {
	ids, err := h.known()
	if err != nil {
		return err
	}
	var errs []error
	for id := range ids {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if !live[id] {
			errs = append(errs, h.Release(ctx, id))
		}
	}
	unlock, err := h.lock(ctx)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	defer unlock()
	return errors.Join(append(errs, h.sweepLinks(), h.publish())...)
}

// known gives the IDs of all containers that have a record or a namespace.
func (h *Host) known() (map[string]bool, error) {
	out := map[string]bool{}
	for dir, ext := range map[string]string{h.Dirs.Endpoints(): suffix, h.Dirs.Netns(): ""} {
		files, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, f := range files {
			if id := strings.TrimSuffix(f.Name(), ext); valid("container ID", id) == nil {
				out[id] = true
			}
		}
	}
	return out, nil
}

// sweepLinks removes ports of our bridges that no endpoint has.
func (h *Host) sweepLinks() error {
	endpoints, err := h.Endpoints()
	if err != nil {
		return err
	}
	keep := map[string]bool{}
	for _, e := range endpoints {
		for i := range e.Attachments {
			keep[h.link(e, i)] = true
		}
	}
	networks, err := h.Networks()
	if err != nil {
		return err
	}
	var errs []error
	for _, n := range networks {
		if n.Bridge == "" {
			continue
		}
		errs = append(errs, bridge.Sweep(n.Bridge, keep))
	}
	return errors.Join(errs...)
}
