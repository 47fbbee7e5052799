// Command ociimage packs file system archives into an OCI image archive:
//
//	ociimage -spec image.json -o image.tar rootfs.tar...
//
// image.json has the image's name as "ref" and its "config" as in an OCI image
// configuration.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"stackup.dev/stackup/internal/dev/ocipack"
)

func main() {
	spec := flag.String("spec", "", "`file` with the image's ref and config")
	out := flag.String("o", "", "`file` to write")
	flag.Parse()
	if err := run(*spec, *out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "ociimage:", err)
		os.Exit(1)
	}
}

func run(spec, out string, layers []string) (err error) {
	img, err := read(spec)
	if err != nil {
		return err
	}
	for _, path := range layers {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // only read from
		img.Layers = append(img.Layers, bufio.NewReaderSize(f, 1<<20))
	}
	f, err := os.CreateTemp(".", ".ociimage-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already after a good rename
	if err := errors.Join(ocipack.Pack(f, img), f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), out)
}

func read(spec string) (ocipack.Image, error) {
	var file struct {
		Ref    string         `json:"ref"`
		Config v1.ImageConfig `json:"config"`
	}
	b, err := os.ReadFile(spec)
	if err == nil {
		err = json.Unmarshal(b, &file)
	}
	if err == nil && file.Ref == "" {
		err = errors.New("no ref")
	}
	if err != nil {
		return ocipack.Image{}, fmt.Errorf("image specification %s: %w", spec, err)
	}
	return ocipack.Image{Ref: file.Ref, Config: file.Config}, nil
}
