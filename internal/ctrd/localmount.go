package ctrd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/mount"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/spec"
)

// mountLocal mounts what a volume stands for. A server that does not answer
// keeps the kernel busy for minutes; the caller need not wait so long.
func mountLocal(ctx context.Context, l spec.LocalMount, at string) error {
	m, err := localMount(ctx, l, lookup)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- m.Mount(at) }()
	select {
	case err := <-done:
		return whyNotMounted(err, l)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// whyNotMounted keeps what the kernel says: the library's words have all options
// in them, which may hold a password.
func whyNotMounted(err error, l spec.LocalMount) error {
	var no unix.Errno
	switch {
	case err == nil || !errors.As(err, &no):
		return err
	case no == unix.ENODEV:
		return fmt.Errorf("this machine's kernel knows no file system %s: %w", l.Type, no)
	default:
		return no
	}
}

// localMount is the mount that a volume's options say. The kernel takes no
// names of servers.
func localMount(ctx context.Context, l spec.LocalMount, lookup func(context.Context, string) (netip.Addr, error)) (mount.Mount, error) {
	if server := l.Addr(); server != "" {
		a, err := lookup(ctx, server)
		if err != nil {
			return mount.Mount{}, fmt.Errorf("addr=%s: %w", server, err)
		}
		l = l.Resolved(a)
	}
	m := mount.Mount{Type: l.Type, Source: l.Device}
	for o := range strings.SplitSeq(l.Options, ",") {
		if o = strings.TrimSpace(o); o != "" {
			m.Options = append(m.Options, o)
		}
	}
	return m, nil
}

func lookup(ctx context.Context, name string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(name); err == nil {
		return a, nil
	}
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range all {
		if a.Unmap().Is4() {
			return a, nil
		}
	}
	return all[0], nil // a lookup that finds nothing is an error
}

// useVolumes has mounted again what a container's volumes stand for. It goes by
// the mounts of its OCI spec: volumes of others are among them.
func (e *Engine) useVolumes(ctx context.Context, rec containers.Container) error {
	names, err := volumesIn(rec, e.Dirs.Volumes())
	for _, name := range names {
		err = errors.Join(err, e.volumes.Use(ctx, name, rec.ID))
	}
	return err
}

// volumesIn finds the volumes that an OCI spec mounts.
func volumesIn(rec containers.Container, dir string) (names []string, err error) {
	sources, err := sourcesBelow(rec, dir)
	for _, s := range sources {
		if name, _, is := strings.Cut(s, "/"); is && name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, err
}

// sourcesBelow finds what an OCI spec mounts that lies below a folder, relative to
// that and as JSON writes it, without taking the spec apart: each start does this.
func sourcesBelow(rec containers.Container, dir string) (out []string, err error) {
	if rec.Spec == nil {
		return nil, nil
	}
	below, err := json.Marshal(dir + "/")
	if err != nil {
		return nil, err
	}
	begin := append([]byte(`"source":`), below[:len(below)-1]...)
	for _, rest := range bytes.Split(rec.Spec.GetValue(), begin)[1:] {
		source, _, _ := bytes.Cut(rest, []byte(`"`))
		out = append(out, string(source))
	}
	return out, nil
}
