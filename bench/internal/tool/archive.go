package tool

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// forDocker copies an OCI image archive and adds the file that tells older
// docker engines, which know no OCI archives, the same.
func forDocker(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read from
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := tar.NewWriter(out)
	documents, err := copyTar(w, tar.NewReader(in))
	if err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	b, err := dockerManifest(documents)
	if err != nil {
		return fmt.Errorf("manifest of %s: %w", from, err)
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "manifest.json", Size: int64(len(b)), Mode: 0o644}); err != nil {
		return err
	}
	_, err = w.Write(b)
	return errors.Join(err, w.Close())
}

// copyTar also gives the content of all small files.
func copyTar(w *tar.Writer, r *tar.Reader) (documents map[string][]byte, err error) {
	documents = map[string][]byte{}
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		var small bytes.Buffer
		content := io.Reader(r)
		if h.Size < 1<<20 {
			content = io.TeeReader(r, &small)
		}
		if _, err := io.Copy(w, content); err != nil {
			return nil, err
		}
		documents[h.Name] = small.Bytes()
	}
}

// dockerManifest says in docker's words which image an OCI layout has.
func dockerManifest(documents map[string][]byte) ([]byte, error) {
	blob := func(d v1.Descriptor) string {
		return v1.ImageBlobsDir + "/" + d.Digest.Algorithm().String() + "/" + d.Digest.Encoded()
	}
	var index v1.Index
	if err := json.Unmarshal(documents[v1.ImageIndexFile], &index); err != nil {
		return nil, err
	}
	if len(index.Manifests) != 1 {
		return nil, fmt.Errorf("%d images, not one", len(index.Manifests))
	}
	var m v1.Manifest
	if err := json.Unmarshal(documents[blob(index.Manifests[0])], &m); err != nil {
		return nil, err
	}
	type image struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	img := image{Config: blob(m.Config), RepoTags: []string{index.Manifests[0].Annotations["io.containerd.image.name"]}}
	for _, l := range m.Layers {
		img.Layers = append(img.Layers, blob(l))
	}
	return json.Marshal([]image{img})
}
