package ctrd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	contfs "github.com/containerd/continuity/fs"
	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/spec"
)

// A container that mounts images has a view of each beside its own snapshot,
// which keeps the layers from collection. It is mounted in passing.

// mountedImages are the images that a container mounts, in the order of their
// views. What the plan left open is filled in.
func (e *Engine) mountedImages(ctx context.Context, c *executor.ContainerSpec) ([]image, error) {
	var out []image
	c.Mounted = maps.Clone(c.Mounted)
	for _, ref := range slices.Sorted(maps.Keys(c.Mounted)) {
		img, err := e.imageConfig(ctx, ref, c.Mounted[ref])
		if err != nil {
			return nil, err
		}
		c.Mounted[ref] = img.digest
		out = append(out, img)
	}
	return out, nil
}

func viewKey(id string, i int) string { return id + "-image-" + strconv.Itoa(i) }

func (e *Engine) viewPath(id string, i int) string {
	return filepath.Join(e.passing(id), strconv.Itoa(i))
}

// viewImages makes the views. The container's snapshot, which says how many
// there are, comes before them and goes after them.
func (e *Engine) viewImages(ctx context.Context, id string, mounted []image) error {
	sn := e.client.SnapshotService(e.Snapshotter)
	root := snapshots.WithLabels(map[string]string{gcRoot: time.Now().UTC().Format(time.RFC3339)})
	for i, img := range mounted {
		view := func() error { _, err := sn.View(ctx, viewKey(id, i), img.chainID, root); return err }
		err := view()
		if inTheWay(err) {
			err = view()
		}
		if errdefs.IsAlreadyExists(err) { // of a run that was killed, and perhaps of another image
			err = errors.Join(sn.Remove(ctx, viewKey(id, i)), view())
		}
		if err != nil {
			return fmt.Errorf("view of an image: %w", err)
		}
	}
	return nil
}

// removeViews goes by what the container's snapshot says.
func (e *Engine) removeViews(ctx context.Context, id string) error {
	sn := e.client.SnapshotService(e.Snapshotter)
	info, err := sn.Stat(ctx, id)
	if err != nil {
		return ignoreNotFound(err)
	}
	n, err := strconv.Atoi(firstOf(info.Labels[labels.Mounts], "0"))
	for i := range n {
		err = errors.Join(err, ignoreNotFound(sn.Remove(ctx, viewKey(id, i))))
	}
	return err
}

// imageMount finds what of an image is mounted; links in it do not lead out of it.
func (e *Engine) imageMount(ctx context.Context, c executor.ContainerSpec, m spec.Mount) (specs.Mount, error) {
	i := slices.Index(c.Service.MountedImages(), m.Source)
	at := e.viewPath(c.ID, i)
	if m.Subpath == "" {
		return bound(at, m), nil
	}
	layers, err := e.client.SnapshotService(e.Snapshotter).Mounts(ctx, viewKey(c.ID, i))
	if err != nil {
		return specs.Mount{}, err
	}
	source := ""
	err = mount.WithReadonlyTempMount(ctx, layers, func(root string) error {
		found, err := contfs.RootPath(root, m.Subpath)
		if err != nil {
			return err
		}
		if _, err := os.Stat(found); err != nil {
			return fmt.Errorf("image %s has no %s (image.subpath)", m.Source, m.Subpath)
		}
		below, err := filepath.Rel(root, found)
		source = filepath.Join(at, below)
		return err
	})
	return bound(source, m), err
}

// mountViews mounts the views of images.
func (e *Engine) mountViews(ctx context.Context, rec containers.Container, mounted map[string]string) error {
	for i := range len(mounted) {
		layers, err := e.client.SnapshotService(rec.Snapshotter).Mounts(ctx, viewKey(rec.ID, i))
		if err == nil {
			err = statedir.MkdirAll(e.viewPath(rec.ID, i), 0o700)
		}
		if err == nil {
			err = mount.All(layers, e.viewPath(rec.ID, i))
		}
		if err != nil {
			return fmt.Errorf("mount an image: %w", err)
		}
	}
	return nil
}

// mountedBy are the images that a container of ours mounts; of others nobody
// knows.
func mountedBy(c containers.Container) map[string]string {
	s, err := storedOf(c)
	if err != nil {
		return nil
	}
	return s.Mounted
}
