package ctrd

import (
	"context"
	"errors"
	"fmt"
	"io"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/images/archive"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/distribution/reference"

	"stackup.dev/stackup/internal/inspect"
)

// LoadImages brings the images of an OCI or docker archive in, unpacks them
// and gives their names.
func (e *Engine) LoadImages(ctx context.Context, r io.Reader) ([]string, error) {
	ctx = e.ctx(ctx)
	ctx, done, err := e.client.WithLease(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = done(context.WithoutCancel(ctx)) }() // it expires by itself
	imgs, err := e.client.Import(ctx, r,
		containerd.WithImageRefTranslator(archive.AddRefPrefix("")),
		containerd.WithSkipDigestRef(func(name string) bool { return name != "" }),
		containerd.WithSkipMissing()) // what is for other platforms; what is for ours is unpacked below
	if err != nil {
		return nil, err
	}
	var names []string
	for _, i := range imgs {
		if err := containerd.NewImage(e.client, i).Unpack(ctx, e.Snapshotter); err != nil {
			return names, fmt.Errorf("unpack %s: %w", i.Name, err)
		}
		names = append(names, i.Name)
		e.noteImage("load", i.Name)
	}
	if len(names) == 0 {
		return nil, errors.New("the archive names no image (annotation org.opencontainers.image.ref.name or io.containerd.image.name)")
	}
	return names, nil
}

// Images lists what is on this machine.
func (e *Engine) Images(ctx context.Context) ([]inspect.Image, error) {
	ctx = e.ctx(ctx)
	list, err := e.client.ImageService().List(ctx)
	if err != nil {
		return nil, err
	}
	var out []inspect.Image
	for _, i := range list {
		size, err := i.Size(ctx, e.client.ContentStore(), platforms.Default())
		if err != nil { // incomplete, or for another platform
			e.Log.Warn("size of an image", "image", i.Name, "err", err)
		}
		out = append(out, inspect.Image{
			Name: i.Name, Digest: i.Target.Digest.String(), Platforms: e.platformsOf(ctx, i), Size: size, Created: i.CreatedAt,
		})
	}
	return out, nil
}

// platformsOf is empty for an image that cannot be read.
func (e *Engine) platformsOf(ctx context.Context, i images.Image) (out []string) {
	found, err := images.Platforms(ctx, e.client.ContentStore(), i.Target)
	if err != nil {
		e.Log.Warn("platforms of an image", "image", i.Name, "err", err)
	}
	for _, p := range found {
		out = append(out, platforms.Format(p))
	}
	return out
}

// RemoveImage takes an image away. One that a container was made from stays,
// unless force is set; the container goes on in any case.
func (e *Engine) RemoveImage(ctx context.Context, name string, force bool) error {
	ctx = e.ctx(ctx)
	ref, err := parseRef(name)
	if err != nil {
		return err
	}
	if !force {
		if err := e.unusedImage(ctx, ref.String()); err != nil {
			return err
		}
	}
	err = e.client.ImageService().Delete(ctx, ref.String(), images.SynchronousDelete())
	if errdefs.IsNotFound(err) {
		return noImage(ref)
	}
	if err == nil {
		e.noteImage("untag", ref.String())
	}
	return err
}

// parseRef gives the whole name of an image as a user names it.
func parseRef(name string) (reference.Named, error) {
	ref, err := reference.ParseDockerRef(name)
	if err != nil {
		return nil, fmt.Errorf("image %q: %w", name, err)
	}
	return ref, nil
}

func (e *Engine) unusedImage(ctx context.Context, ref string) error {
	all, err := e.client.ContainerService().List(ctx)
	if err != nil {
		return err
	}
	for _, c := range all {
		if _, mounts := mountedBy(c)[ref]; mounts || c.Image == ref {
			return fmt.Errorf("image %s is in use by container %s; use --force to remove it all the same", ref, c.ID)
		}
	}
	return nil
}
