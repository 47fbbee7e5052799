package ctrd

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"stackup.dev/stackup/spec"
)

// Pull fetches ref and unpacks it. A tag that has moved since the plan is an
// error: the next run plans with what it is now.
func (e *Engine) Pull(ctx context.Context, ref, digest string, report func(done, total int64)) error {
	ctx = e.ctx(ctx)
	stop := e.watchIngest(ctx, report)
	defer stop()
	img, err := e.client.Pull(ctx, ref,
		containerd.WithResolver(e.resolver(ctx)),
		containerd.WithPullUnpack,
		containerd.WithPullSnapshotter(e.Snapshotter))
	if err != nil {
		return err
	}
	if digest != "" && img.Target().Digest.String() != digest {
		return fmt.Errorf("the registry now has %s where %s was planned: run again", img.Target().Digest, digest)
	}
	e.noteImage("pull", ref)
	return nil
}

// watchIngest reports the bytes of downloads in progress until stopped.
func (e *Engine) watchIngest(ctx context.Context, report func(done, total int64)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				e.reportIngest(ctx, report)
			}
		}
	}()
	return func() { cancel(); <-ended }
}

func (e *Engine) reportIngest(ctx context.Context, report func(done, total int64)) {
	active, err := e.client.ContentStore().ListStatuses(ctx, "")
	if err != nil || len(active) == 0 {
		return
	}
	var done, total int64
	for _, s := range active {
		done += s.Offset
		total += s.Total
	}
	report(done, total)
}

// imageConfig reads what the image says of its process, once per digest, and
// sees to it that its layers are unpacked. No digest is whatever ref is now.
func (e *Engine) imageConfig(ctx context.Context, ref, digest string) (image, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c, ok := e.images[digest]; ok && digest != "" {
		return c, nil
	}
	img, err := e.client.ImageService().Get(ctx, ref)
	if err != nil {
		return image{}, fmt.Errorf("image %s: %w", ref, err)
	}
	got := img.Target.Digest.String()
	if digest != "" && got != digest {
		return image{}, fmt.Errorf("image %s is %s now, %s was planned: run again", ref, got, digest)
	}
	c, err := e.readImage(ctx, img)
	if err != nil {
		return image{}, fmt.Errorf("image %s: %w", ref, err)
	}
	c.digest = got
	e.images[got] = c
	return c, nil
}

func (e *Engine) readImage(ctx context.Context, img images.Image) (image, error) {
	i := containerd.NewImage(e.client, img)
	unpacked, err := i.IsUnpacked(ctx, e.Snapshotter)
	if err != nil {
		return image{}, err
	}
	if !unpacked {
		if err := i.Unpack(ctx, e.Snapshotter); err != nil {
			return image{}, fmt.Errorf("unpack: %w", err)
		}
	}
	desc, err := img.Config(ctx, e.client.ContentStore(), platforms.Default())
	if err != nil {
		return image{}, err
	}
	b, err := content.ReadBlob(ctx, e.client.ContentStore(), desc)
	if err != nil {
		return image{}, err
	}
	return parseImage(b)
}

// parseImage reads an image's configuration: OCI image spec, with Docker's
// Healthcheck beside it.
func parseImage(b []byte) (image, error) {
	var c ocispec.Image
	if err := json.Unmarshal(b, &c); err != nil {
		return image{}, err
	}
	var d struct {
		Config struct {
			Healthcheck *struct {
				Test                                          []string
				Interval, Timeout, StartPeriod, StartInterval time.Duration
				Retries                                       int
			}
		} `json:"config"`
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return image{}, err
	}
	out := image{config: c.Config, chainID: identity.ChainID(c.RootFS.DiffIDs).String()}
	if h := d.Config.Healthcheck; h != nil && len(h.Test) > 0 {
		out.health = &spec.Healthcheck{
			Test:     h.Test,
			Disable:  h.Test[0] == "NONE",
			Interval: spec.Duration(h.Interval), Timeout: spec.Duration(h.Timeout),
			StartPeriod: spec.Duration(h.StartPeriod), StartInterval: spec.Duration(h.StartInterval),
			Retries: h.Retries,
		}
	}
	return out, nil
}

// whyNot puts the reason why an image cannot be had into words.
func whyNot(ref string, err error) string {
	if errdefs.IsNotFound(err) {
		return fmt.Sprintf("it is not on this machine and the registry does not have it (%v)", err)
	}
	return fmt.Sprintf("it is not on this machine and cannot be pulled: %v; load it with: stackup images load ARCHIVE", err)
}
