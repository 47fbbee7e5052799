package ctrd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	imagearchive "github.com/containerd/containerd/v2/core/images/archive"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// whyNoArchive says why a file cannot be loaded from; empty if it can be tried.
func whyNoArchive(path string) string {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Sprintf("it is not on this machine, and neither is its archive %s", path)
	case err == nil && !info.Mode().IsRegular():
		err = errors.New("it is not a regular file")
	}
	if err != nil {
		return fmt.Sprintf("it is not on this machine, and its archive %s cannot be read: %v", path, err)
	}
	return ""
}

// Load takes ref out of an OCI or docker archive, and nothing else of it.
func (e *Engine) Load(ctx context.Context, ref, archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read from
	ctx, done, err := e.client.WithLease(e.ctx(ctx))
	if err != nil {
		return err
	}
	defer func() { _ = done(context.WithoutCancel(ctx)) }() // it expires by itself
	index, err := imagearchive.ImportIndex(ctx, e.client.ContentStore(), f)
	if err != nil {
		return fmt.Errorf("%s: %w", archive, err)
	}
	img := images.Image{Name: ref}
	if img.Target, err = e.find(ctx, index, ref); err != nil {
		return fmt.Errorf("%s: %w", archive, err)
	}
	if err := e.adopt(ctx, img); err != nil {
		return err
	}
	e.noteImage("load", ref)
	return nil
}

// find gives the image of that name in an archive's index.
func (e *Engine) find(ctx context.Context, index ocispec.Descriptor, ref string) (ocispec.Descriptor, error) {
	b, err := content.ReadBlob(ctx, e.client.ContentStore(), index)
	if err != nil {
		return index, err
	}
	var list ocispec.Index
	if err := json.Unmarshal(b, &list); err != nil {
		return index, err
	}
	var names []string
	for _, m := range list.Manifests {
		name := cmp.Or(m.Annotations[images.AnnotationImageName], m.Annotations[ocispec.AnnotationRefName])
		if n, err := parseRef(name); err == nil && n.String() == ref {
			return m, nil
		}
		names = append(names, name)
	}
	return index, noneOf(ref, names)
}

// adopt makes an image of content that is here, as far as it is for this
// machine's platform, and unpacks it.
func (e *Engine) adopt(ctx context.Context, img images.Image) error {
	store := e.client.ContentStore()
	children := images.HandlerFunc(func(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
		list, err := images.Children(ctx, store, desc)
		if errdefs.IsNotFound(err) { // for another platform
			return nil, images.ErrSkipDesc
		}
		return list, err
	})
	kept := images.SetChildrenLabels(store, images.FilterPlatforms(children, platforms.Default()))
	if err := images.WalkNotEmpty(ctx, kept, img.Target); err != nil {
		return err
	}
	_, err := e.client.ImageService().Update(ctx, img, "target")
	if errdefs.IsNotFound(err) {
		_, err = e.client.ImageService().Create(ctx, img)
	}
	if err != nil {
		return err
	}
	return containerd.NewImage(e.client, img).Unpack(ctx, e.Snapshotter)
}

// noneOf says that an image is not in an archive, and what is.
func noneOf(ref string, names []string) error {
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == "" })
	if len(names) == 0 {
		return fmt.Errorf("it has no image %s, and none with a name", ref)
	}
	return fmt.Errorf("it has no image %s, but %s", ref, strings.Join(names, ", "))
}
