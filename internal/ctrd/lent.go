package ctrd

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/containers"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/spec"
)

// lentMounts adds the mounts of containers that a service names, where it has
// none of its own. Parents come before what is mounted in them.
func (e *Engine) lentMounts(ctx context.Context, c executor.ContainerSpec, own []specs.Mount) ([]specs.Mount, error) {
	out := slices.Clone(own)
	for _, l := range c.Service.VolumesFrom {
		rec, err := e.named(ctx, l.Container)
		if err != nil {
			return nil, fmt.Errorf("volumes_from: %w", err)
		}
		lent, err := lendable(rec, e.Dirs.Volumes())
		if err != nil {
			return nil, fmt.Errorf("volumes_from: container %s: %w", l.Container, err)
		}
		for _, m := range lent {
			if slices.ContainsFunc(out, func(o specs.Mount) bool { return o.Destination == m.Destination }) {
				continue
			}
			if l.ReadOnly {
				m.Options = append(slices.DeleteFunc(slices.Clone(m.Options), func(o string) bool { return o == "rw" }), "ro")
			}
			out = append(out, m)
		}
	}
	if len(out) > len(own) {
		slices.SortStableFunc(out, func(a, b specs.Mount) int { return cmp.Compare(a.Destination, b.Destination) })
	}
	return out, nil
}

// named finds the newest container of a name, of whatever stack.
func (e *Engine) named(ctx context.Context, name string) (found containers.Container, err error) {
	all, err := e.containers(ctx, "")
	if err != nil {
		return found, err
	}
	last := 0
	for _, c := range all {
		if id, ok := labels.Decode(c.Labels); ok && id.Name == name && id.Generation > last {
			found, last = c, id.Generation
		}
	}
	if last == 0 {
		return found, fmt.Errorf("no container %s on this machine", name)
	}
	return found, nil
}

// lendable are a container's folders and volumes: those that its service mounts,
// and those that its image declares.
func lendable(rec containers.Container, volumes string) (out []specs.Mount, err error) {
	s, err := storedOf(rec)
	if err != nil {
		return nil, err
	}
	o, err := specOf(rec)
	if err != nil {
		return nil, err
	}
	for _, m := range o.Mounts {
		folder := func(w spec.Mount) bool { return w.Target == m.Destination && w.Type == spec.MountBind }
		if strings.HasPrefix(m.Source, volumes+"/") || slices.ContainsFunc(s.Service.Mounts, folder) {
			out = append(out, m)
		}
	}
	return out, nil
}
