package engine

import (
	"context"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay/overlayutils"

	"stackup.dev/stackup/internal/statedir"
)

// The snapshotters that stackup uses, the better one first.
const (
	overlayfs = "overlayfs"
	native    = "native"
)

// Snapshotter is the embedded engine's: overlayfs if it can be mounted on the
// file system of d's root (tried, not guessed), else native, which copies.
func Snapshotter(d statedir.Dirs) string {
	if overlayutils.Supported(d.EngineRoot()) == nil {
		return overlayfs
	}
	return native
}

// snapshotterOf asks a running engine which of the two it has in working order.
func snapshotterOf(ctx context.Context, c *client.Client) (string, error) {
	res, err := c.IntrospectionService().Plugins(ctx, "type==io.containerd.snapshotter.v1")
	if err != nil {
		return "", err
	}
	for _, p := range res.Plugins {
		if p.ID == overlayfs && p.InitErr == nil {
			return overlayfs, nil
		}
	}
	return native, nil
}
