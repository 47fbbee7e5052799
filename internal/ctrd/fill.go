package ctrd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/mount"
	contfs "github.com/containerd/continuity/fs"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/volume"
	"stackup.dev/stackup/spec"
)

// withImageVolumes adds an anonymous volume for every path that the image
// declares as one and that the service does not mount itself.
func withImageVolumes(mounts []spec.Mount, img image) []spec.Mount {
	out := slices.Clone(mounts)
	for path := range img.config.Volumes {
		taken := func(m spec.Mount) bool { return m.Target == path }
		if strings.HasPrefix(path, "/") && !slices.ContainsFunc(out, taken) {
			out = append(out, spec.Mount{Type: spec.MountVolume, Target: path})
		}
	}
	slices.SortFunc(out, func(a, b spec.Mount) int { return strings.Compare(a.Target, b.Target) })
	return out
}

// fillVolumes gives empty volumes the content and the owner that the image has
// at their place, as Docker does.
func (e *Engine) fillVolumes(ctx context.Context, c executor.ContainerSpec) error {
	var wanting []spec.Mount
	for _, m := range c.Service.Mounts {
		if m.Type == spec.MountVolume && !m.NoCopy {
			wanting = append(wanting, m)
		}
	}
	if len(wanting) == 0 {
		return nil
	}
	layers, err := e.client.SnapshotService(e.Snapshotter).Mounts(ctx, c.ID)
	if err != nil {
		return err
	}
	return mount.WithReadonlyTempMount(ctx, layers, func(root string) error {
		for _, m := range wanting {
			if err := e.fillVolume(ctx, c, m, root); err != nil {
				return fmt.Errorf("volume at %s: %w", m.Target, err)
			}
		}
		return nil
	})
}

func (e *Engine) fillVolume(ctx context.Context, c executor.ContainerSpec, m spec.Mount, root string) error {
	name, err := volumeName(c, m)
	if err != nil {
		return err
	}
	source, err := contfs.RootPath(root, m.Target) // links in the image stay within it
	if err != nil {
		return err
	}
	st, err := os.Stat(source)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !st.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	return e.volumes.Fill(ctx, name, func(into string) error {
		if err := contfs.CopyDir(into, source); err != nil {
			return err
		}
		return volume.LikeFolder(into, st)
	})
}
