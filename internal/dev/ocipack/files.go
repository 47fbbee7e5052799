package ocipack

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"strings"
)

// File is one entry of a layer made by Files. A Name that ends in a slash is a
// folder; a Link makes a symbolic link.
type File struct {
	Name string
	Mode os.FileMode // permission bits; the special bits are not kept
	Data []byte
	Link string
}

// Files makes a layer of single files, all owned by root.
func Files(files ...File) (io.Reader, error) {
	var b bytes.Buffer
	out := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.Name, Mode: int64(f.Mode.Perm()), Size: int64(len(f.Data)), ModTime: epoch}
		switch {
		case f.Link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.Link
		case strings.HasSuffix(f.Name, "/"):
			h.Typeflag = tar.TypeDir
		}
		if err := out.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := out.Write(f.Data); err != nil {
			return nil, err
		}
	}
	return &b, out.Close()
}
