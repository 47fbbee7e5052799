package ui

import (
	"io"
	"strings"
	"time"
)

// ImageRow is one image as images ls lists it.
type ImageRow struct {
	Name     string // whole reference, with tag or digest
	Digest   string // of the manifest, sha256:…
	Platform string // linux/amd64
	Size     int64  // bytes of the packed layers
	Created  time.Time
}

// ImagesTable writes rows as a table.
func ImagesTable(w io.Writer, rows []ImageRow, now time.Time) error {
	cells := make([][]string, 0, len(rows))
	for _, r := range rows {
		repo, tag := splitRef(r.Name)
		cells = append(cells, []string{repo, tag, r.Platform, shortID(r.Digest), ago(r.Created, now), Size(r.Size)})
	}
	return table(w, []string{"REPOSITORY", "TAG", "PLATFORM", "IMAGE ID", "CREATED", "SIZE"}, cells)
}

type imageDoc struct {
	ID         string
	Repository string
	Tag        string
	Platform   string
	Size       int64
	Created    *time.Time `json:",omitempty"`
}

// ImagesJSON writes one JSON object per row and line; Size is in bytes.
func ImagesJSON(w io.Writer, rows []ImageRow) error {
	docs := make([]imageDoc, 0, len(rows))
	for _, r := range rows {
		repo, tag := splitRef(r.Name)
		d := imageDoc{ID: r.Digest, Repository: repo, Tag: tag, Platform: r.Platform, Size: r.Size}
		if !r.Created.IsZero() {
			d.Created = &r.Created
		}
		docs = append(docs, d)
	}
	return jsonLines(w, docs)
}

// splitRef parts a reference into repository and tag; a reference by digest
// alone has the tag "<none>".
func splitRef(ref string) (repo, tag string) {
	ref, _, _ = strings.Cut(ref, "@")
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		return ref[:i], ref[i+1:]
	}
	return ref, "<none>"
}

// shortID is the first twelve digits of a digest.
func shortID(id string) string {
	_, hex, found := strings.Cut(id, ":")
	if !found {
		hex = id
	}
	return hex[:min(len(hex), 12)]
}
