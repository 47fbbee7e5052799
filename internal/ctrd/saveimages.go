package ctrd

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/images/archive"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/distribution/reference"
)

// SaveImages writes images, as far as they are for this platform, as an OCI
// archive that docker can load too. Nothing is written unless all of them are
// here, whole.
func (e *Engine) SaveImages(ctx context.Context, w io.Writer, names []string) error {
	ctx = e.ctx(ctx)
	var list []images.Image
	var errs []error
	seen := map[string]bool{}
	for _, name := range names {
		i, err := e.wholeImage(ctx, name)
		errs = append(errs, err)
		if err == nil && !seen[i.Name] {
			seen[i.Name] = true
			list = append(list, i)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	// What is missing is for other platforms: a pull leaves that where it is.
	return e.client.Export(ctx, w, archive.WithImages(list),
		archive.WithPlatform(platforms.Default()), archive.WithSkipMissing(e.client.ContentStore()))
}

// wholeImage finds an image, and sees to it that nothing of it is missing that
// this platform needs.
func (e *Engine) wholeImage(ctx context.Context, name string) (images.Image, error) {
	i, err := e.imageNamed(ctx, name)
	if err != nil {
		return i, err
	}
	whole, _, _, missing, err := images.Check(ctx, e.client.ContentStore(), i.Target, platforms.Default())
	if err == nil && (!whole || len(missing) > 0) {
		err = errors.New("a part of it is missing on this machine: pull it again")
	}
	if err != nil {
		return i, fmt.Errorf("image %s: %w", i.Name, err)
	}
	return i, nil
}

func (e *Engine) imageNamed(ctx context.Context, name string) (images.Image, error) {
	ref, err := parseRef(name)
	if err != nil {
		return images.Image{}, err
	}
	i, err := e.client.ImageService().Get(ctx, ref.String())
	if errdefs.IsNotFound(err) {
		return i, noImage(ref)
	}
	return i, err
}

func noImage(ref reference.Named) error { return fmt.Errorf("no image %s on this machine", ref) }

// TagImage gives an image one more name. An image that had that name before
// loses it.
func (e *Engine) TagImage(ctx context.Context, source, target string) error {
	ctx = e.ctx(ctx)
	to, err := parseTag(target)
	if err != nil {
		return err
	}
	i, err := e.imageNamed(ctx, source)
	if err != nil {
		return err
	}
	i.Name = to
	_, err = e.client.ImageService().Create(ctx, i)
	if errdefs.IsAlreadyExists(err) {
		_, err = e.client.ImageService().Update(ctx, i, "target", "labels")
	}
	if err == nil {
		e.noteImage("tag", to)
	}
	return err
}

// parseTag gives the whole name of a new tag. A digest is what an image has,
// and cannot be given to it.
func parseTag(name string) (string, error) {
	given, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return "", fmt.Errorf("image %q: %w", name, err)
	}
	if _, digested := given.(reference.Digested); digested {
		return "", fmt.Errorf("image %q: a new name cannot have a digest", name)
	}
	return reference.TagNameOnly(given).String(), nil
}
