package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"stackup.dev/stackup/bench/internal/tool"
	"stackup.dev/stackup/internal/dev/ocipack"
)

// makeImages makes the archives that every tool loads.
func makeImages(o options, dir string) (tool.Images, error) {
	images := tool.Images{Busybox: filepath.Join(dir, "busybox.tar"), Nginx: filepath.Join(o.repo, "build/nginx-image.tar")}
	if _, err := os.Stat(images.Nginx); err != nil {
		return images, fmt.Errorf("%w: run make example-image", err)
	}
	return images, packBusybox(images.Busybox)
}

// packBusybox makes an image of Debian's busybox-static.
func packBusybox(path string) (err error) {
	program, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return err
	}
	layer, err := ocipack.Files(
		ocipack.File{Name: "bin/", Mode: 0o755},
		ocipack.File{Name: "bin/busybox", Mode: 0o755, Data: program},
		ocipack.File{Name: "bin/sleep", Mode: 0o777, Link: "busybox"},
		ocipack.File{Name: "etc/", Mode: 0o755},
		ocipack.File{Name: "etc/passwd", Mode: 0o644, Data: []byte("root:x:0:0:root:/:/bin/sh\n")},
		ocipack.File{Name: "etc/group", Mode: 0o644, Data: []byte("root:x:0:\n")},
	)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return ocipack.Pack(f, ocipack.Image{
		Ref: busybox, Layers: []io.Reader{layer},
		Config: v1.ImageConfig{Env: []string{"PATH=/bin"}, Cmd: []string{"sleep", seconds}},
	})
}
