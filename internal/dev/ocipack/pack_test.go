package ocipack

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

func pack(t *testing.T) []byte {
	t.Helper()
	lower, err := Files(File{Name: "bin/", Mode: 0o755}, File{Name: "./bin/tool", Mode: 0o755, Data: []byte("tool")})
	if err != nil {
		t.Fatal(err)
	}
	upper, err := Files(File{Name: "bin/sh", Link: "tool"})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	img := Image{
		Ref:    "docker.io/library/probe:1",
		Config: v1.ImageConfig{Cmd: []string{"sh"}, StopSignal: "SIGQUIT"},
		Layers: []io.Reader{lower, upper},
	}
	if err := Pack(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPackIsAValidLayout(t *testing.T) {
	files := untar(t, bytes.NewReader(pack(t)))
	var index v1.Index
	var manifest v1.Manifest
	var config v1.Image
	decode(t, files["index.json"], &index)
	if len(index.Manifests) != 1 {
		t.Fatalf("index has %d manifests", len(index.Manifests))
	}
	wantNames := map[string]string{
		"io.containerd.image.name":          "docker.io/library/probe:1",
		"org.opencontainers.image.ref.name": "1",
	}
	if diff := cmp.Diff(wantNames, index.Manifests[0].Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	decode(t, blobOf(t, files, index.Manifests[0]), &manifest)
	decode(t, blobOf(t, files, manifest.Config), &config)
	if diff := cmp.Diff(v1.ImageConfig{Cmd: []string{"sh"}, StopSignal: "SIGQUIT"}, config.Config); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	want := []map[string]string{{"bin/": "", "bin/tool": "tool"}, {"bin/sh": "-> tool"}}
	var got []map[string]string
	for i, desc := range manifest.Layers {
		zip, err := gzip.NewReader(bytes.NewReader(blobOf(t, files, desc)))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(zip)
		if err != nil {
			t.Fatal(err)
		}
		if d := digest.FromBytes(plain); d != config.RootFS.DiffIDs[i] {
			t.Errorf("diff ID of layer %d is %s, content is %s", i, config.RootFS.DiffIDs[i], d)
		}
		layer := map[string]string{}
		for name, b := range untar(t, bytes.NewReader(plain)) {
			layer[name] = string(b)
		}
		got = append(got, layer)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
}

func TestPackIsReproducible(t *testing.T) {
	if !bytes.Equal(pack(t), pack(t)) {
		t.Error("two archives of one image differ")
	}
}

func TestPackRefusesWhatIsNoTar(t *testing.T) {
	err := Pack(io.Discard, Image{Ref: "x:1", Layers: []io.Reader{bytes.NewReader(bytes.Repeat([]byte("x"), 2000))}})
	if !errors.Is(err, tar.ErrHeader) {
		t.Errorf("Pack = %v, want a tar error", err)
	}
}

func TestTagOf(t *testing.T) {
	for ref, want := range map[string]string{
		"docker.io/library/nginx:1.2": "1.2", "localhost:5000/nginx": "latest", "nginx": "latest",
	} {
		if got := tagOf(ref); got != want {
			t.Errorf("tagOf(%q) = %q, want %q", ref, got, want)
		}
	}
}

func blobOf(t *testing.T, files map[string][]byte, desc v1.Descriptor) []byte {
	t.Helper()
	b := files[blob(desc.Digest)]
	if digest.FromBytes(b) != desc.Digest || int64(len(b)) != desc.Size {
		t.Fatalf("blob %s has other content than its descriptor says", desc.Digest)
	}
	return b
}

func decode(t *testing.T, b []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

func untar(t *testing.T, r io.Reader) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	in := tar.NewReader(r)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if h.Linkname != "" {
			b = []byte("-> " + h.Linkname)
		}
		files[h.Name] = b
	}
}
