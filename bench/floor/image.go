package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/platforms"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// load imports and unpacks the archive, if one is given.
func load(ctx context.Context, o options) (err error) {
	if o.load == "" {
		return nil
	}
	archive, err := os.Open(o.load)
	if err != nil {
		return err
	}
	defer func() { _ = archive.Close() }()
	c, err := containerd.New(o.address, containerd.WithTimeout(answer))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	ctx = namespaces.WithNamespace(ctx, o.namespace)
	imported, err := c.Import(ctx, archive)
	if err != nil {
		return err
	}
	for _, i := range imported {
		if err := containerd.NewImage(c, i).Unpack(ctx, snapshotter); err != nil {
			return err
		}
	}
	return nil
}

// chainID names the snapshot that the image's layers were unpacked to.
func chainID(ctx context.Context, c *containerd.Client, ref string) (string, error) {
	img, err := c.ImageService().Get(ctx, ref)
	if err != nil {
		return "", err
	}
	m, err := images.Manifest(ctx, c.ContentStore(), img.Target, platforms.Default())
	if err != nil {
		return "", err
	}
	b, err := content.ReadBlob(ctx, c.ContentStore(), m.Config)
	if err != nil {
		return "", err
	}
	var config ocispec.Image
	if err := json.Unmarshal(b, &config); err != nil {
		return "", err
	}
	return identity.ChainID(config.RootFS.DiffIDs).String(), nil
}
