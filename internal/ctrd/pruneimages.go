package ctrd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/labels"
)

// PruneImages removes the images that no container is made from: those without
// a tag, or all of them. It says what went even if some could not go.
func (e *Engine) PruneImages(ctx context.Context, all bool) (out inspect.Pruned, err error) {
	ctx = e.ctx(ctx)
	list, err := e.client.ImageService().List(ctx)
	if err != nil {
		return out, err
	}
	used, err := e.client.ContainerService().List(ctx)
	if err != nil {
		return out, err
	}
	going := unused(list, used, all)
	if len(going) == 0 {
		return out, nil
	}
	before, err := e.takenSpace(ctx)
	if err != nil {
		return out, err
	}
	out.Untagged, err = e.removeImages(ctx, going)
	after, err2 := e.takenSpace(ctx)
	out.Deleted, out.Freed = freed(before, after, going)
	return out, errors.Join(err, err2)
}

// removeImages takes away those that are still unused, and still what they were.
func (e *Engine) removeImages(ctx context.Context, going []images.Image) (gone []string, err error) {
	var errs []error
	for _, i := range going {
		err := e.unusedImage(ctx, i.Name)
		if err == nil {
			err = e.client.ImageService().Delete(ctx, i.Name, images.SynchronousDelete(), images.DeleteTarget(&i.Target))
		}
		switch {
		case err == nil:
			gone = append(gone, i.Name)
			e.noteImage("untag", i.Name)
		case !errdefs.IsNotFound(err): // somebody else was faster
			errs = append(errs, fmt.Errorf("image %s: %w", i.Name, err))
		}
	}
	return gone, errors.Join(errs...)
}

// unused are the images that no container is made from, by name or by content;
// unless all is set, only those whose content has no tag under any name.
func unused(list []images.Image, used []containers.Container, all bool) (out []images.Image) {
	keep := map[string]bool{} // names and digests
	for _, c := range used {
		keep[c.Image], keep[c.Labels[labels.Digest]] = true, true
		for ref, digest := range mountedBy(c) {
			keep[ref], keep[digest] = true, true
		}
	}
	for _, i := range list {
		if keep[i.Name] { // another name of the same content is in use, too
			keep[i.Target.Digest.String()] = true
		}
		if !all && tagged(i.Name) {
			keep[i.Target.Digest.String()] = true
		}
	}
	for _, i := range list {
		if !keep[i.Target.Digest.String()] {
			out = append(out, i)
		}
	}
	return out
}

// tagged says whether a name has a tag. One that is no image's name in our
// sense was not given by us, and stays.
func tagged(name string) bool {
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return true
	}
	_, ok := ref.(reference.Tagged)
	return ok
}

// takenSpace are the sizes of all that takes space for images: packed content and
// unpacked layers.
func (e *Engine) takenSpace(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	err := e.client.ContentStore().Walk(ctx, func(i content.Info) error {
		out[i.Digest.String()] = i.Size
		return nil
	})
	if err != nil {
		return nil, err
	}
	sn := e.client.SnapshotService(e.Snapshotter)
	return out, sn.Walk(ctx, func(ctx context.Context, i snapshots.Info) error {
		if i.Kind != snapshots.KindCommitted {
			return nil
		}
		u, err := sn.Usage(ctx, i.Name)
		if err == nil {
			out["layer "+i.Name] = u.Size
		}
		if errdefs.IsNotFound(err) { // gone meanwhile
			return nil
		}
		return err
	})
}

// freed gives the images whose content is gone, and the size of all that is.
// What came meanwhile does not count.
func freed(before, after map[string]int64, going []images.Image) (deleted []string, size int64) {
	for key, n := range before {
		if _, still := after[key]; !still {
			size += n
		}
	}
	gone := map[string]bool{}
	for _, i := range going {
		d := i.Target.Digest.String()
		_, was := before[d]
		_, still := after[d]
		if was && !still {
			gone[d] = true
		}
	}
	return slices.Sorted(maps.Keys(gone)), size
}
