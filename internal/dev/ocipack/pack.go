// Package ocipack makes OCI image archives out of file system archives, for
// machines that reach no registry.
package ocipack

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Image is what goes into an archive.
type Image struct {
	Ref    string         // full name with tag, as containerd stores it
	Config v1.ImageConfig // how its containers run
	Layers []io.Reader    // tar streams, the lowest first, each read once
}

// Pack writes img as an OCI image layout in one tar (OCI image specification,
// "Image Layout"), for this machine's platform. Equal content gives equal
// bytes: no time of today gets in.
func Pack(w io.Writer, img Image) (err error) {
	dir, err := os.MkdirTemp("", "ocipack-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p := &packer{dir: dir, out: tar.NewWriter(w)}
	if err := p.pack(img); err != nil {
		return fmt.Errorf("pack %s: %w", img.Ref, err)
	}
	return p.out.Close()
}

type packer struct {
	dir string // for layers on their way
	out *tar.Writer
}

func (p *packer) pack(img Image) error {
	platform := v1.Platform{Architecture: runtime.GOARCH, OS: "linux"}
	config := v1.Image{Platform: platform, Config: img.Config, RootFS: v1.RootFS{Type: "layers"}}
	manifest := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest}
	for i, layer := range img.Layers {
		desc, diffID, err := p.layer(layer)
		if err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
		manifest.Layers = append(manifest.Layers, desc)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, diffID)
	}
	var err error
	if manifest.Config, err = p.json(v1.MediaTypeImageConfig, config); err != nil {
		return err
	}
	desc, err := p.json(v1.MediaTypeImageManifest, manifest)
	if err != nil {
		return err
	}
	desc.Platform = &platform
	desc.Annotations = map[string]string{
		"io.containerd.image.name": img.Ref,
		v1.AnnotationRefName:       tagOf(img.Ref),
	}
	return p.layout(desc)
}

// layout writes the two files that make a folder of blobs an image layout.
func (p *packer) layout(manifest v1.Descriptor) error {
	index := v1.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: v1.MediaTypeImageIndex,
		Manifests: []v1.Descriptor{manifest},
	}
	for _, f := range []struct {
		name  string
		value any
	}{
		{v1.ImageLayoutFile, v1.ImageLayout{Version: v1.ImageLayoutVersion}},
		{v1.ImageIndexFile, index},
	} {
		b, err := json.Marshal(f.value)
		if err != nil {
			return err
		}
		if err := p.file(f.name, b); err != nil {
			return err
		}
	}
	return nil
}

func (p *packer) json(mediaType string, value any) (v1.Descriptor, error) {
	b, err := json.Marshal(value)
	if err != nil {
		return v1.Descriptor{}, err
	}
	d := digest.FromBytes(b)
	return v1.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(b))}, p.file(blob(d), b)
}

func (p *packer) file(name string, b []byte) error {
	if err := p.out.WriteHeader(header(name, int64(len(b)))); err != nil {
		return err
	}
	_, err := p.out.Write(b)
	return err
}

func header(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: epoch, Format: tar.FormatPAX}
}

func blob(d digest.Digest) string {
	return v1.ImageBlobsDir + "/" + d.Algorithm().String() + "/" + d.Encoded()
}

// hashed counts and hashes what passes.
type hashed struct {
	w    io.Writer
	sum  interface{ Sum([]byte) []byte }
	size int64
}

func newHashed(w io.Writer) *hashed {
	h := sha256.New()
	return &hashed{w: io.MultiWriter(w, h), sum: h}
}

func (h *hashed) Write(p []byte) (int, error) {
	n, err := h.w.Write(p)
	h.size += int64(n)
	return n, err
}

func (h *hashed) digest() digest.Digest {
	return digest.NewDigestFromBytes(digest.SHA256, h.sum.Sum(nil))
}
