package ctrd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"stackup.dev/stackup/internal/statedir"
)

// resolveTimeout bounds the question whether a registry has an image.
const resolveTimeout = 20 * time.Second

// systemHosts are where other programs keep what is to be known of registries:
// containerd's hosts.toml, and docker's certificates.
var systemHosts = []string{"/etc/containerd/certs.d", "/etc/docker/certs.d"}

// resolver reaches registries as docker does: docker.io by default, plain HTTP
// on loopback only, credentials from the user's docker configuration. A
// folder named after a registry may say otherwise, with a mirror, a certificate
// or headers in hosts.toml (containerd, hosts.md): ours comes first.
func (e *Engine) resolver(ctx context.Context) remotes.Resolver {
	return docker.NewResolver(docker.ResolverOptions{
		Hosts: config.ConfigureHosts(ctx, config.HostOptions{HostDir: e.hostDir, Credentials: credentials}),
	})
}

// hostDir finds the folder of a registry; none is no error.
func (e *Engine) hostDir(host string) (string, error) {
	for _, root := range append([]string{filepath.Join(e.Dirs.Root, "certs.d")}, systemHosts...) {
		dir, err := config.HostDirFromRoot(root)(host)
		if !errdefs.IsNotFound(err) {
			return dir, err
		}
	}
	return "", errdefs.ErrNotFound
}

func credentials(host string) (user, secret string, err error) {
	if host == "registry-1.docker.io" {
		host = name.DefaultRegistry
	}
	reg, err := name.NewRegistry(host)
	if err != nil {
		return "", "", err
	}
	a, err := authn.DefaultKeychain.Resolve(reg)
	if err != nil {
		return "", "", err
	}
	c, err := a.Authorization()
	if err != nil {
		return "", "", err
	}
	if c.IdentityToken != "" {
		return "", c.IdentityToken, nil
	}
	return c.Username, c.Password, nil
}

// resolve asks the registry for the digest that ref stands for.
func (e *Engine) resolve(ctx context.Context, ref string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	_, desc, err := e.resolver(ctx).Resolve(ctx, ref)
	if err != nil {
		return "", err
	}
	return desc.Digest.String(), nil
}

// RemoteDigest asks a registry for the digest that an image has there. It needs
// no engine.
func RemoteDigest(ctx context.Context, dirs statedir.Dirs, ref string) (string, error) {
	e := &Engine{Config: Config{Dirs: dirs}}
	return e.resolve(ctx, ref)
}

// Push gives an image to its registry: for all its platforms, or for this
// machine's alone if no more of it is here.
func (e *Engine) Push(ctx context.Context, ref string) error {
	ctx = e.ctx(ctx)
	img, err := e.client.ImageService().Get(ctx, ref)
	if errdefs.IsNotFound(err) {
		return errors.New("it is not on this machine: build it first")
	}
	if err != nil {
		return err
	}
	desc, err := e.whole(ctx, img.Target)
	if err != nil {
		return err
	}
	if err := e.client.Push(ctx, ref, desc, containerd.WithResolver(e.resolver(ctx))); err != nil {
		return err
	}
	e.noteImage("push", ref)
	return nil
}

// whole is as much of an image as is here in full.
func (e *Engine) whole(ctx context.Context, target ocispec.Descriptor) (ocispec.Descriptor, error) {
	store := e.client.ContentStore()
	if _, _, _, missing, err := images.Check(ctx, store, target, platforms.All); err != nil || len(missing) == 0 {
		return target, err
	}
	children, err := images.Children(ctx, store, target)
	if err != nil {
		return target, err
	}
	for _, c := range children {
		if images.IsManifestType(c.MediaType) && c.Platform != nil && platforms.Default().Match(*c.Platform) {
			return c, nil
		}
	}
	return target, fmt.Errorf("it is not on this machine in full, for no platform that this machine has")
}
