package ocipack

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// epoch is the time of everything in an archive.
var epoch = time.Unix(0, 0).UTC()

// layer compresses a tar stream into a blob; its diff ID is that of the
// uncompressed stream (OCI image specification, "Image Configuration").
func (p *packer) layer(r io.Reader) (desc v1.Descriptor, diffID digest.Digest, err error) {
	f, err := os.CreateTemp(p.dir, "layer-")
	if err != nil {
		return desc, "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	packed := newHashed(f)
	zip, err := gzip.NewWriterLevel(packed, gzip.BestSpeed)
	if err != nil {
		return desc, "", err
	}
	plain := newHashed(zip)
	if err := errors.Join(settle(plain, r), zip.Close()); err != nil {
		return desc, "", err
	}
	desc = v1.Descriptor{MediaType: v1.MediaTypeImageLayerGzip, Digest: packed.digest(), Size: packed.size}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return desc, "", err
	}
	if err := p.out.WriteHeader(header(blob(desc.Digest), desc.Size)); err != nil {
		return desc, "", err
	}
	_, err = io.Copy(p.out, f)
	return desc, plain.digest(), err
}

// settle copies a tar without the times and user names of the machine that
// made it, and without what stands for the root folder itself.
func settle(w io.Writer, r io.Reader) error {
	in, out := tar.NewReader(r), tar.NewWriter(w)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out.Close()
		}
		if err != nil {
			return err
		}
		h.Name = strings.TrimPrefix(h.Name, "./")
		if h.Name == "" || h.Name == "." {
			continue
		}
		h.ModTime, h.AccessTime, h.ChangeTime = epoch, time.Time{}, time.Time{}
		h.Uname, h.Gname, h.Format = "", "", tar.FormatPAX
		if h.Typeflag == tar.TypeLink {
			h.Linkname = strings.TrimPrefix(h.Linkname, "./")
		}
		if err := out.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(out, in); err != nil {
			return err
		}
	}
}

// tagOf is the part after the last colon of a full image name.
func tagOf(ref string) string {
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		return ref[i+1:]
	}
	return "latest"
}
