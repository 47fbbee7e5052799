package tool

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"stackup.dev/stackup/internal/dev/ocipack"
)

func TestForDockerNamesWhatTheArchiveHas(t *testing.T) {
	layer, err := ocipack.Files(ocipack.File{Name: "a", Mode: 0o644, Data: []byte("a")})
	if err != nil {
		t.Fatal(err)
	}
	oci, docker := filepath.Join(t.TempDir(), "oci.tar"), filepath.Join(t.TempDir(), "docker.tar")
	f, err := os.Create(oci)
	if err != nil {
		t.Fatal(err)
	}
	img := ocipack.Image{Ref: "stackup.test/x:1", Config: v1.ImageConfig{Cmd: []string{"a"}}, Layers: []io.Reader{layer}}
	if err := errors.Join(ocipack.Pack(f, img), f.Close(), forDocker(oci, docker)); err != nil {
		t.Fatal(err)
	}
	files := read(t, docker)
	var images []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(files["manifest.json"], &images); err != nil {
		t.Fatal(err)
	}
	if len(images) != 1 || len(images[0].RepoTags) != 1 || images[0].RepoTags[0] != img.Ref || len(images[0].Layers) != 1 {
		t.Fatalf("manifest.json: %s", files["manifest.json"])
	}
	for _, name := range append(images[0].Layers, images[0].Config, "index.json") {
		if len(files[name]) == 0 {
			t.Errorf("no %s in the archive", name)
		}
	}
}

func read(t *testing.T, path string) map[string][]byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	files := map[string][]byte{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}
